import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Job } from '../../../functions/core/job.ts';
import type { Follow } from '../../../functions/pacs/config.ts';
import { type ChangeLogPollerDeps, createChangeLogPoller } from '../../../functions/pacs/orthanc/change-log-poller.ts';
import type { ChangeLog } from '../../../functions/pacs/orthanc/client.ts';
import { addCheckpoint, type LogPosition } from '../../../functions/pacs/orthanc/cursor.ts';
import type { StudyVersion } from '../../../functions/pacs/study/submit.ts';
import { createLog } from '../../../functions/platform/log.ts';
import type { Cursors } from '../../../functions/storage/pacs-state.ts';
import { createChangeLog } from '../../support/pacs/fake-pacs.ts';
import { job } from '../../support/storage-contract/samples.ts';

const noon = new Date('2026-11-23T12:00:00Z');

/** Cursors in memory. `refuse` simulates a crash before the next move. */
function memoryCursors() {
  const values = new Map<string, string>();
  const state = { dieBeforeMove: false };
  const cursors: Cursors = {
    get: async (name) => values.get(name),
    async move(name, from, to) {
      if (state.dieBeforeMove) throw new Error('killed');
      if (values.get(name) !== from) return false;
      values.set(name, to);
      return true;
    },
  };
  return { cursors, state, values };
}

function follow(orthanc: ChangeLog, more: Partial<Follow> & { days?: number; cursors?: Cursors } = {}) {
  const submitted: StudyVersion[] = [];
  const time = { ms: 0 };
  const { cursors = memoryCursors().cursors, days, ...settings } = more;
  const jobs = new Map<string, Job>();
  const paused: boolean[] = [];
  const deps: ChangeLogPollerDeps = {
    pacs: 'main',
    settings: {
      tenant: 'local',
      modalities: ['CR', 'DX'],
      readStudiesOfLastDays: days,
      follow: { from: 'beginning', everySeconds: 5, settleSeconds: 2, ...settings },
    },
    orthanc,
    platform: { cursors, jobs: { get: async (id) => jobs.get(id) } },
    async submit(study) {
      submitted.push(study);
      const id = `${study.studyInstanceUid} ${study.version}`;
      const made = jobs.get(id) ?? job(id);
      jobs.set(id, made);
      return made;
    },
    setPaused: (isPaused) => void paused.push(isPaused),
    log: createLog('silent'),
    clock: () => time.ms,
    now: () => noon,
  };
  const look = createChangeLogPoller(deps);
  return {
    submitted,
    jobs,
    paused,
    look,
    /** Poll, let the films settle, and poll again. */
    async settle() {
      const first = await look();
      time.ms += 2000;
      return first.ok ? look() : first;
    },
    time,
    studies: () => submitted.map(({ studyInstanceUid }) => studyInstanceUid),
  };
}

describe('jobs of the change log', () => {
  test('a study is submitted once, when it has received nothing for a while', async () => {
    const log = createChangeLog();
    const follower = follow(log.orthanc);
    log.store('A', 'a1');
    expect(await follower.look()).toEqual({ ok: true, value: 2000 });
    follower.time.ms = 1500;
    log.store('A', 'a2');
    await follower.look();
    follower.time.ms = 3400;
    await follower.look();
    expect(follower.submitted).toEqual([]);
    follower.time.ms = 3500;
    await follower.look();
    expect(follower.studies()).toEqual(['1.2.A']);
    await follower.settle();
    expect(follower.studies()).toEqual(['1.2.A']);
  });

  test('a stable study is submitted without a wait', async () => {
    const log = createChangeLog();
    const follower = follow(log.orthanc, { settleSeconds: 60 });
    log.store('A', 'a1');
    await follower.look();
    log.becomeStable('A');
    await follower.look();
    expect(follower.studies()).toEqual(['1.2.A']);
  });

  test('a study that never becomes stable is submitted nevertheless', async () => {
    // Orthanc loses the event if it stops within StableAge of the last film.
    const log = createChangeLog();
    const follower = follow(log.orthanc);
    log.store('A', 'a1');
    await follower.settle();
    expect(follower.studies()).toEqual(['1.2.A']);
  });

  test('a study that keeps growing is read after a minute', async () => {
    const log = createChangeLog();
    const follower = follow(log.orthanc);
    for (let second = 0; second < 70; second++) {
      log.store('A', `a${second}`);
      follower.time.ms = second * 1000;
      await follower.look();
    }
    expect(follower.submitted).toHaveLength(1);
  });

  test('a late film creates a new job', async () => {
    const log = createChangeLog();
    const follower = follow(log.orthanc);
    log.store('A', 'a1');
    await follower.settle();
    log.store('A', 'a2');
    await follower.settle();
    const versions = follower.submitted.map(({ version }) => version);
    expect(new Set(versions).size).toBe(2);
  });

  test('own results and other modalities create none', async () => {
    const log = createChangeLog();
    const follower = follow(log.orthanc);
    log.store('A', 'sr', { modality: 'SR', manufacturer: 'Alara' });
    log.store('B', 'sc', { modality: 'DX', manufacturer: 'Alara' });
    log.store('C', 'ct', { modality: 'CT' });
    await follower.settle();
    expect(follower.submitted).toEqual([]);
  });

  test('a study older than the limit creates none; a study without a date creates one', async () => {
    const log = createChangeLog();
    const follower = follow(log.orthanc, { days: 2 });
    log.store('old', 'o', { studyDate: '20261119' });
    log.store('new', 'n', { studyDate: '20261122' });
    log.store('undated', 'u');
    await follower.settle();
    expect(follower.studies()).toEqual(['1.2.new', '1.2.undated']);
  });

  test('a film that is deleted before it is looked up is harmless', async () => {
    const log = createChangeLog();
    const follower = follow(log.orthanc);
    log.store('A', 'a1');
    await follower.look();
    log.remove('A');
    log.store('B', 'b1');
    await follower.settle();
    await follower.settle();
    expect(follower.studies()).toEqual(['1.2.B']);
  });

  test('while too many of its jobs wait for their first attempt, the log is not read', async () => {
    const log = createChangeLog();
    const follower = follow(log.orthanc);
    for (let i = 0; i < 2000; i++) log.store(`s${i}`, `f${i}`);
    expect(await follower.settle()).toEqual({ ok: true, value: 5000 });
    const before = follower.submitted.length;
    expect(before).toBeGreaterThan(1000);
    expect(before).toBeLessThan(2000);
    expect(await follower.settle()).toEqual({ ok: true, value: 5000 });
    expect(follower.submitted).toHaveLength(before);
    expect(follower.paused.at(-1)).toBe(true);
    // Some jobs are done, and others are retried because of an outage: none waits for its first attempt.
    for (const [i, [id, job]] of [...follower.jobs].entries())
      follower.jobs.set(id, i % 2 ? { ...job, state: 'done', attempts: 1 } : { ...job, state: 'queued', attempts: 3 });
    await follower.settle();
    expect(follower.submitted.length).toBeGreaterThan(before);
  });
});

describe('the start of the change log', () => {
  test('from now: includes films since the first request, excludes earlier films', async () => {
    const log = createChangeLog('2026-11-23T06:00:00Z');
    for (let i = 0; i < 300; i++) {
      log.store(`old${i}`, `o${i}`);
      log.pass(60);
    }
    const { cursors } = memoryCursors();
    const follower = follow(log.orthanc, { from: 'now', cursors });
    // At noon Orthanc is unavailable, and a film arrives meanwhile.
    log.state.reachable = false;
    expect(await follower.look()).toMatchObject({ ok: false });
    log.pass(3600 + 600);
    log.store('new', 'n');
    log.state.reachable = true;
    // Another process takes over an hour later and uses the stored time.
    const later = follow(log.orthanc, { from: 'now', cursors });
    await later.settle();
    expect(later.studies()).toEqual(['1.2.new']);
    expect(log.state.asked).toBeLessThan(40);
  });

  test('from now, with an empty log', async () => {
    const log = createChangeLog();
    const follower = follow(log.orthanc, { from: 'now' });
    await follower.look();
    log.pass(6 * 3600);
    log.store('A', 'a1');
    await follower.settle();
    expect(follower.studies()).toEqual(['1.2.A']);
  });

  test('from the beginning: reads everything, page by page', async () => {
    const log = createChangeLog();
    for (let i = 0; i < 450; i++) log.store(`s${i}`, `f${i}`);
    const follower = follow(log.orthanc);
    await follower.settle();
    expect(new Set(follower.studies()).size).toBe(450);
  });
});

describe('another log than before', () => {
  test('a replaced Orthanc is followed from the beginning, also if its numbers are higher', async () => {
    const { cursors } = memoryCursors();
    const before = createChangeLog();
    for (let i = 0; i < 20; i++) before.store(`s${i}`, `f${i}`);
    await follow(before.orthanc, { cursors }).settle();

    for (const count of [3, 40]) {
      const replaced = createChangeLog('2026-12-01T00:00:00Z');
      for (let i = 0; i < count; i++) replaced.store(`new${i}`, `n${i}`);
      const { cursors: kept, values } = memoryCursors();
      values.set('orthanc/main', (await cursors.get('orthanc/main')) ?? '');
      const follower = follow(replaced.orthanc, { cursors: kept });
      await follower.settle();
      expect(new Set(follower.studies()).size).toBe(count);
    }
  });

  test('the last read entry may disappear with its film, and no further job is created for known films', async () => {
    const { cursors } = memoryCursors();
    const log = createChangeLog();
    log.store('A', 'a1');
    log.store('B', 'b1');
    const before = follow(log.orthanc, { cursors });
    await before.settle();
    log.remove('B');
    log.store('C', 'c1');
    const follower = follow(log.orthanc, { cursors });
    await follower.settle();
    const known = new Set(before.submitted.map(({ studyInstanceUid, version }) => `${studyInstanceUid} ${version}`));
    const more = follower.submitted.filter(
      ({ studyInstanceUid, version }) => !known.has(`${studyInstanceUid} ${version}`),
    );
    expect(more.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['1.2.C']);
  });

  test('a log without its first and its last known entry is followed from the beginning', async () => {
    const { cursors } = memoryCursors();
    const log = createChangeLog();
    log.store('A', 'a1');
    const follower = follow(log.orthanc, { cursors });
    await follower.settle();
    log.remove('A');
    log.store('B', 'b1');
    await follower.settle();
    await follower.settle();
    expect(new Set(follower.studies())).toEqual(new Set(['1.2.A', '1.2.B']));
  });
});

describe('an archive that was restored from a backup assigns numbers again', () => {
  const hours = 3600;

  test.each([1, 2, 40])('the films after the restore are read, %i films', async (count) => {
    const { cursors } = memoryCursors();
    const log = createChangeLog();
    const follower = follow(log.orthanc, { cursors });
    log.store('old', 'o');
    await follower.settle();
    log.pass(2 * hours);
    const restore = log.backup();
    for (let i = 0; i < 10; i++) log.store(`lost${i}`, `l${i}`);
    await follower.settle();
    log.pass(2 * hours);
    restore();
    for (let i = 0; i < count; i++) {
      log.store(`new${i}`, `n${i}`);
      // A process that was running during the restore, and one that starts afterwards.
      if (i === 0) await follower.settle();
    }
    const later = follow(log.orthanc, { cursors });
    await later.settle();
    const studies = new Set([...follower.studies(), ...later.studies()]);
    for (let i = 0; i < count; i++) expect(studies).toContain(`1.2.new${i}`);
  });

  test('a film of the hour before the backup is a new job, because its result may be lost; an older film is not', async () => {
    const { cursors } = memoryCursors();
    const log = createChangeLog();
    const follower = follow(log.orthanc, { cursors });
    log.store('older', 'o');
    await follower.settle();
    log.pass(2 * hours);
    log.store('just before', 'j');
    await follower.settle();
    const restore = log.backup();
    log.pass(60);
    log.store('SR', 'sr', { modality: 'SR' });
    await follower.settle();
    const [, before] = follower.submitted;
    restore();
    log.pass(60);
    log.store('new', 'n');
    follower.submitted.length = 0;
    await follower.settle();
    expect(follower.studies()).toEqual(['1.2.just before', '1.2.new']);
    expect(follower.submitted[0]?.version).not.toBe(before?.version);
  });

  test('a log that is followed from now is not read from its beginning, however far the backup goes back', async () => {
    const { cursors } = memoryCursors();
    const log = createChangeLog('2026-11-22T12:00:00Z');
    for (let i = 0; i < 300; i++) log.store(`archived${i}`, `a${i}`);
    const restore = log.backup();
    log.pass(12 * hours);
    for (let i = 0; i < 5; i++) log.store(`also archived${i}`, `b${i}`);
    log.pass(12 * hours);
    const follower = follow(log.orthanc, { cursors, from: 'now' });
    log.store('seen', 's');
    await follower.settle();
    expect(follower.studies()).toEqual(['1.2.seen']);
    restore();
    log.pass(60);
    log.store('new', 'n');
    await follower.settle();
    expect(follower.studies()).toEqual(['1.2.seen', '1.2.new']);
  });

  test('a cursor of the previous release, without marks, goes back by its second', async () => {
    const { cursors, values } = memoryCursors();
    const log = createChangeLog();
    log.store('old', 'o');
    log.pass(2 * hours);
    const restore = log.backup();
    log.store('lost', 'l');
    await follow(log.orthanc, { cursors }).settle();
    const { at, oldest } = JSON.parse(values.get('orthanc/main') ?? '');
    values.set('orthanc/main', JSON.stringify({ at, oldest }));
    restore();
    log.pass(60);
    log.store('new', 'n');
    const follower = follow(log.orthanc, { cursors });
    await follower.settle();
    expect(follower.studies()).toEqual(['1.2.new']);
  });

  test('the marks of a long log are few, dense near the end, and include the first', async () => {
    let marks: LogPosition[] = [{ seq: 7, date: 'first' }];
    for (let seq = 20; seq < 200_000; seq += 1 + (seq % 13)) marks = addCheckpoint(marks, { seq, date: 'd' });
    const newest = marks.at(-1)?.seq ?? 0;
    expect(marks.length).toBeLessThan(60);
    expect(marks[0]).toEqual({ seq: 7, date: 'first' });
    const distances = marks.map(({ seq }) => newest - seq).toReversed();
    for (const [i, distance] of distances.entries())
      if (i > 1) expect(distance).toBeLessThanOrEqual(Math.max(200, 2 * (distances[i - 1] ?? 0)));
  });
});

const dying = (look: Promise<unknown>) => look.catch(() => undefined);

describe('no study is lost', () => {
  test('a process that crashes between the job and the cursor submits the same job again', async () => {
    const { cursors, state } = memoryCursors();
    const log = createChangeLog();
    const first = follow(log.orthanc, { cursors });
    await first.look();
    log.store('A', 'a1');
    log.store('A', 'a2');
    await first.look();
    state.dieBeforeMove = true;
    await expect(first.settle()).rejects.toThrow('killed');
    state.dieBeforeMove = false;
    const next = follow(log.orthanc, { cursors });
    await next.settle();
    expect(first.submitted).toHaveLength(1);
    expect(next.submitted).toEqual(first.submitted);
  });

  test('the cursor never passes a study that is still settling', async () => {
    const { cursors } = memoryCursors();
    const log = createChangeLog();
    const first = follow(log.orthanc, { cursors, settleSeconds: 50 });
    log.store('A', 'a1');
    await first.look();
    log.store('B', 'b1');
    log.becomeStable('B');
    await first.look();
    expect(first.studies()).toEqual(['1.2.B']);
    const next = follow(log.orthanc, { cursors });
    await next.settle();
    expect(next.studies()).toContain('1.2.A');
  });

  test('two processes that follow the same log miss nothing', async () => {
    const { cursors } = memoryCursors();
    const log = createChangeLog();
    const [one, two] = [follow(log.orthanc, { cursors }), follow(log.orthanc, { cursors })];
    for (let round = 0; round < 10; round++) {
      log.store(`s${round}`, `f${round}`);
      await Promise.all([one.settle(), two.settle()]);
    }
    await Promise.all([one.settle(), two.settle()]);
    expect(new Set([...one.studies(), ...two.studies()]).size).toBe(10);
  });

  test('a process repeats its move of the cursor after another process has moved the cursor', async () => {
    const { cursors } = memoryCursors();
    const log = createChangeLog();
    const [one, two] = [follow(log.orthanc, { cursors }), follow(log.orthanc, { cursors })];
    await one.settle();
    await two.settle();
    log.store('A', 'a1');
    await one.settle();
    await two.settle();
    log.store('B', 'b1');
    await two.settle();
    await two.settle();
    const next = follow(log.orthanc, { cursors });
    await next.settle();
    expect(next.studies()).toEqual([]);
  });

  test('after any events in any order, every remaining film has a later job', async () => {
    const event = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('store' as const), study: fc.nat({ max: 5 }) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('look' as const), seconds: fc.nat({ max: 4 }) }) },
      fc.record({ kind: fc.constant('stable' as const), study: fc.nat({ max: 5 }) }),
      fc.record({ kind: fc.constant('remove' as const), study: fc.nat({ max: 5 }) }),
      ...(['kill', 'killBeforeMove', 'down', 'up', 'backup', 'restore'] as const).map((kind) =>
        fc.record({ kind: fc.constant(kind) }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60 }), async (events) => {
        const { cursors, state } = memoryCursors();
        const log = createChangeLog();
        const start = () => follow(log.orthanc, { cursors });
        const generations = [start()];
        const running = () => generations.at(-1) ?? start();
        /** Studies with the second of their newest film. */
        let films = new Map<string, string>();
        let restore = () => undefined as unknown;
        let stored = 0;
        for (const one of events) {
          if (one.kind === 'store') {
            log.pass(1);
            films.set(`s${one.study}`, log.dateOf(log.store(`s${one.study}`, `f${stored++}`)));
          } else if (one.kind === 'stable') log.becomeStable(`s${one.study}`);
          else if (one.kind === 'remove') {
            log.remove(`s${one.study}`);
            films.delete(`s${one.study}`);
          } else if (one.kind === 'look') {
            running().time.ms += one.seconds * 1000;
            await running().look();
          } else if (one.kind === 'down' || one.kind === 'up') log.state.reachable = one.kind === 'up';
          else if (one.kind === 'backup') {
            const [then, back] = [new Map(films), log.backup()];
            restore = () => {
              back();
              films = new Map(then);
            };
          } else if (one.kind === 'restore') restore();
          else {
            state.dieBeforeMove = one.kind === 'killBeforeMove';
            if (state.dieBeforeMove) await dying(running().settle());
            state.dieBeforeMove = false;
            generations.push(start());
          }
        }
        log.state.reachable = true;
        await running().settle();
        await running().settle();
        for (const [study, second] of films) {
          const jobs = generations
            .flatMap(({ submitted }) => submitted)
            .filter((job) => job.studyInstanceUid === `1.2.${study}`);
          // The newest job was created by the change of the newest film or by a later change.
          const newest = jobs.map(({ version }) => version.split(' ')[1] ?? '').toSorted();
          expect((newest.at(-1) ?? '') >= second).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
