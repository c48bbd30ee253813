import { manufacturer } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import { ok, type Result } from '../../core/result.ts';
import type { Logger } from '../../platform/log.ts';
import type { Platform } from '../../storage/platform.ts';
import type { Follow, PacsSettings } from '../config.ts';
import type { PollOnce } from '../poll-loop.ts';
import { isRecent, type SubmitStudy } from '../study/submit.ts';
import { createBacklog } from './backlog.ts';
import type { Change, ChangeLog, OrthancStudy } from './client.ts';
import {
  addCheckpoint,
  Cursor,
  clockToleranceMs,
  isSame,
  type LogPosition,
  positionBefore,
  positionOf,
  start,
} from './cursor.ts';
import { createPendingStudies } from './pending-studies.ts';
import { findResumePoint } from './resume.ts';

// The change log is the truth: a nudge may get lost, and Orthanc forgets to call a study stable when it stops within
// StableAge of its last film. So new instances are followed, and a study is settled by the time that it was left alone.

export type ChangeLogPollerDeps = {
  readonly pacs: string;
  readonly settings: Pick<PacsSettings, 'tenant' | 'modalities' | 'readStudiesOfLastDays'> & {
    readonly follow: Follow;
  };
  readonly orthanc: ChangeLog;
  readonly platform: Pick<Platform, 'cursors'> & { readonly jobs: Pick<Platform['jobs'], 'get'> };
  readonly submit: SubmitStudy;
  /** Told at every look whether the log is left where it is for now. */
  paused?(is: boolean): void;
  readonly log: Logger;
  /** Milliseconds, never going back. */
  clock(): number;
  now(): Date;
};

const pageSize = 200;

/** Follows Orthanc's change log. A study becomes a job before the cursor passes it; a change seen twice is one job. */
export function createChangeLogPoller(deps: ChangeLogPollerDeps): PollOnce {
  const { pacs, orthanc, platform, log, clock, now } = deps;
  const { tenant, modalities, readStudiesOfLastDays, follow } = deps.settings;
  const name = `orthanc/${pacs}`;
  const everyMs = follow.everySeconds * 1000;
  const pending = createPendingStudies(follow.settleSeconds * 1000);
  const backlog = createBacklog(platform.jobs);
  let isPaused = false;
  /** How far the log was seen; undefined until the kept cursor was read. */
  let scanned: LogPosition | undefined;
  let oldest: LogPosition | undefined;
  let marks: readonly LogPosition[] = [];
  let rewinds = 0;
  let kept: string | undefined;
  /** Whether the cursor holds a place by now, and not only the time of the first contact. */
  let wasFollowed = false;

  async function look(): Promise<Result<number, Fault>> {
    const from = scanned && wasFollowed ? await goOn(scanned) : await resume();
    if (!from.ok) return from;
    scanned = from.value;
    for (;;) {
      if (await pauses()) return ok(everyMs);
      // Those that still settle are first submitted: the log is read no faster than it is worked on.
      const page = pending.isFull() ? ok({ changes: [], done: true }) : await orthanc.changes(scanned.seq, pageSize);
      if (!page.ok) return page;
      const seen = await note(page.value.changes, scanned);
      if (!seen.ok) return seen;
      scanned = seen.value;
      const moved = await settle(scanned);
      if (!moved.ok) return moved;
      if (!moved.value) return ok(0);
      if (page.value.done) break;
    }
    return ok(Math.max(0, Math.min(everyMs, pending.nextMs(clock()))));
  }

  /** Whether the log is left where it is until studies that were queued are begun. The change is told. */
  async function pauses(): Promise<boolean> {
    const isFull = await backlog.isFull();
    if (isFull && !isPaused) log.warn({ pacs }, 'too many studies wait to be read: the PACS is followed further later');
    if (!isFull && isPaused) log.info({ pacs }, 'the PACS is followed further');
    isPaused = isFull;
    deps.paused?.(isFull);
    return isFull;
  }

  /** Where the last process left off; at the first contact, where the settings say. */
  async function resume(): Promise<Result<LogPosition, Fault>> {
    kept = await platform.cursors.get(name);
    if (kept === undefined) {
      const asked = follow.from === 'now' ? { asked: now().toISOString() } : { at: start };
      const text = JSON.stringify(asked);
      // Kept before Orthanc is first asked: what arrives while it cannot be reached is not missed.
      if (await platform.cursors.move(name, undefined, text)) kept = text;
      else kept = await platform.cursors.get(name);
    }
    const cursor = Cursor.parse(JSON.parse(kept ?? ''));
    wasFollowed = 'at' in cursor;
    if ('at' in cursor) {
      ({ oldest, rewinds } = cursor);
      marks = addCheckpoint(cursor.marks, cursor.at);
      return goOn(cursor.at);
    }
    const place = await positionBefore(new Date(Date.parse(cursor.asked) - clockToleranceMs), orthanc);
    if (place.ok) marks = [place.value];
    return place;
  }

  /** The place from which to go on: further back when the log is not as it was followed. */
  async function goOn(from: LogPosition): Promise<Result<LogPosition, Fault>> {
    const place = await findResumePoint(from, { marks, oldest }, orthanc);
    if (!place.ok) return place;
    const { at, rewound } = place.value;
    if (isSame(at, from)) return ok(from);
    pending.clear();
    marks = addCheckpoint(marks, at);
    if (rewound) {
      rewinds++;
      log.warn(
        { pacs, from: from.seq, to: at.seq },
        'the change log of Orthanc is not as it was followed, as after a restore from a backup: it is followed again',
      );
    } else log.info({ pacs, from: from.seq, to: at.seq }, 'entries of the change log are gone: it is followed again');
    return ok(at);
  }

  /** Note the studies to which films were added; the place after these changes. */
  async function note(changes: readonly Change[], before: LogPosition): Promise<Result<LogPosition, Fault>> {
    const added = changes.filter(({ ChangeType }) => ChangeType === 'NewInstance').map(({ ID }) => ID);
    const series = added.length > 0 ? await orthanc.seriesOf(added) : ok([]);
    if (!series.ok) return series;
    const studyOf = new Map(
      series.value
        .filter((one) => modalities.includes(one.modality) && one.manufacturer !== manufacturer)
        .flatMap(({ instances, study }) => instances.map((instance) => [instance, study])),
    );
    let at = before;
    for (const change of changes) {
      const study = change.ChangeType === 'NewInstance' && studyOf.get(change.ID);
      if (study) pending.add(study, at, positionOf(change), clock());
      if (change.ChangeType === 'StableStudy') pending.calledStable(change.ID);
      at = positionOf(change);
    }
    return ok(at);
  }

  /** Submit what is settled, then move the cursor; false when another process has moved it. */
  async function settle(at: LogPosition): Promise<Result<boolean, Fault>> {
    const due = pending.due(clock());
    const studies = due.length > 0 ? await orthanc.studies(due.map(({ study }) => study)) : ok([]);
    if (!studies.ok) return studies;
    const byId = new Map(studies.value.map((study) => [study.id, study]));
    const wanted = due.flatMap((one) => {
      const study = byId.get(one.study);
      return study && isWanted(study) ? [{ ...one, studyInstanceUid: study.studyInstanceUid }] : [];
    });
    for (const { studyInstanceUid, last } of wanted)
      backlog.add(await deps.submit({ pacs, tenant, studyInstanceUid, version: versionOf(last) }));
    for (const { study } of due) pending.remove(study);
    if (wanted.length > 0) log.info({ pacs, studies: wanted.length }, 'studies were queued');
    return keep(pending.cursor(at));
  }

  /** After a rewind another one, because what was done before it may be lost: a result stored since the backup. */
  const versionOf = ({ seq, date }: LogPosition) => (rewinds > 0 ? `${seq} ${date} ${rewinds}` : `${seq} ${date}`);

  const isWanted = ({ studyDate }: OrthancStudy) => isRecent(studyDate, readStudiesOfLastDays, now());

  async function keep(at: LogPosition): Promise<Result<boolean, Fault>> {
    const before = Cursor.parse(JSON.parse(kept ?? ''));
    if ('at' in before && isSame(before.at, at)) return ok(true);
    const first = await orthanc.changes(0, 1);
    if (!first.ok) return first;
    const [change] = first.value.changes;
    oldest = change && positionOf(change);
    marks = addCheckpoint(marks, at);
    const to: Cursor = { at, ...(oldest && { oldest }), marks: [...marks], rewinds };
    const text = JSON.stringify(to);
    if (await platform.cursors.move(name, kept, text)) {
      kept = text;
      wasFollowed = true;
      return ok(true);
    }
    // Another process follows as well: go on from where it is.
    scanned = undefined;
    pending.clear();
    return ok(false);
  }

  return look;
}
