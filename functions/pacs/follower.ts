import { manufacturer } from '../pipeline/decode/dicom/own.ts';
import type { Fault } from '../pipeline/fault.ts';
import { ok, type Result } from '../pipeline/result.ts';
import type { Logger } from '../platform/log.ts';
import type { Platform } from '../platform/platform.ts';
import type { Follow, PacsSettings } from './config.ts';
import { Cursor, isSame, type Mark, markOf, placeOf, start } from './follower-cursor.ts';
import { createPending } from './follower-pending.ts';
import type { Change, Orthanc, OrthancStudy } from './orthanc.ts';
import { isRecent, type SubmitStudy } from './study-job.ts';
import type { Look } from './watch.ts';

// The change log is the truth: a nudge may get lost, and Orthanc forgets to call a study stable when it stops within
// StableAge of its last film. So new instances are followed, and a study is settled by the time that it was left alone.

export type FollowerDeps = {
  readonly pacs: string;
  readonly settings: Pick<PacsSettings, 'tenant' | 'modalities' | 'readStudiesOfLastDays'> & {
    readonly follow: Follow;
  };
  readonly orthanc: Orthanc;
  readonly platform: Pick<Platform, 'cursors'> & { readonly queue: Pick<Platform['queue'], 'depth'> };
  readonly submit: SubmitStudy;
  readonly log: Logger;
  /** Milliseconds, never going back. */
  clock(): number;
  now(): Date;
};

const pageSize = 200;
/** The log itself is the better queue: it is not read further while so many messages wait. */
const mostWaiting = 1000;

/** Follows Orthanc's change log. A study becomes a job before the cursor passes it; a change seen twice is one job. */
export function createFollower(deps: FollowerDeps): Look {
  const { pacs, orthanc, platform, log, clock, now } = deps;
  const { tenant, modalities, readStudiesOfLastDays, follow } = deps.settings;
  const name = `orthanc/${pacs}`;
  const everyMs = follow.everySeconds * 1000;
  const pending = createPending(follow.settleSeconds * 1000);
  /** How far the log was seen; undefined until the kept cursor was read. */
  let scanned: Mark | undefined;
  let oldest: Mark | undefined;
  let kept: string | undefined;

  async function look(): Promise<Result<number, Fault>> {
    const from = scanned ?? (await resume());
    if ('code' in from) return { ok: false, fault: from };
    const same = await sameLog(from);
    if (!same.ok) return same;
    scanned = same.value;
    for (;;) {
      if ((await platform.queue.depth()).waiting > mostWaiting) return ok(everyMs);
      const page = await orthanc.changes(scanned.seq, pageSize);
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

  /** Where the last process left off; at the first contact, where the settings say. */
  async function resume(): Promise<Mark | Fault> {
    kept = await platform.cursors.get(name);
    if (kept === undefined) {
      const asked: Cursor = follow.from === 'now' ? { asked: now().toISOString() } : { at: start };
      const text = JSON.stringify(asked);
      // Kept before Orthanc is first asked: what arrives while it cannot be reached is not missed.
      if (await platform.cursors.move(name, undefined, text)) kept = text;
      else kept = await platform.cursors.get(name);
    }
    const cursor = Cursor.parse(JSON.parse(kept ?? ''));
    if ('at' in cursor) {
      oldest = cursor.oldest;
      return cursor.at;
    }
    const place = await placeOf(cursor.asked, orthanc);
    return place.ok ? place.value : place.fault;
  }

  /** The place from which to go on: the beginning when the log is not the one that was followed. */
  async function sameLog(at: Mark): Promise<Result<Mark, Fault>> {
    if (at.seq === 0) return ok(at);
    const here = await orthanc.changes(at.seq - 1, 1);
    if (!here.ok) return here;
    const [change] = here.value.changes;
    if (change && isSame(markOf(change), at)) return ok(at);
    const first = await orthanc.changes(0, 1);
    if (!first.ok) return first;
    const [firstChange] = first.value.changes;
    // Never followed so far, or the entry went with a film that was deleted.
    if (!oldest || (firstChange && isSame(markOf(firstChange), oldest))) return ok(at);
    log.warn({ pacs }, 'the change log of Orthanc is another one than before: it is followed from its beginning');
    pending.clear();
    oldest = undefined;
    return ok(start);
  }

  /** Note the studies to which films were added; the place after these changes. */
  async function note(changes: readonly Change[], before: Mark): Promise<Result<Mark, Fault>> {
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
      if (study) pending.add(study, at, markOf(change), clock());
      if (change.ChangeType === 'StableStudy') pending.calledStable(change.ID);
      at = markOf(change);
    }
    return ok(at);
  }

  /** Submit what is settled, then move the cursor; false when another process has moved it. */
  async function settle(at: Mark): Promise<Result<boolean, Fault>> {
    const due = pending.due(clock());
    const studies = due.length > 0 ? await orthanc.studies(due.map(({ study }) => study)) : ok([]);
    if (!studies.ok) return studies;
    const byId = new Map(studies.value.map((study) => [study.id, study]));
    const wanted = due.flatMap((one) => {
      const study = byId.get(one.study);
      return study && isWanted(study) ? [{ ...one, studyInstanceUid: study.studyInstanceUid }] : [];
    });
    for (const { studyInstanceUid, last } of wanted)
      await deps.submit({ pacs, tenant, studyInstanceUid, version: `${last.seq} ${last.date}` });
    for (const { study } of due) pending.remove(study);
    if (wanted.length > 0) log.info({ pacs, studies: wanted.length }, 'studies were queued');
    return keep(pending.cursor(at));
  }

  const isWanted = ({ studyDate }: OrthancStudy) => isRecent(studyDate, readStudiesOfLastDays, now());

  async function keep(at: Mark): Promise<Result<boolean, Fault>> {
    const before = Cursor.parse(JSON.parse(kept ?? ''));
    if ('at' in before && isSame(before.at, at)) return ok(true);
    const first = await orthanc.changes(0, 1);
    if (!first.ok) return first;
    const [change] = first.value.changes;
    oldest = change && markOf(change);
    const to: Cursor = { at, ...(oldest && { oldest }) };
    const text = JSON.stringify(to);
    if (await platform.cursors.move(name, kept, text)) {
      kept = text;
      return ok(true);
    }
    // Another process follows as well: go on from where it is.
    scanned = undefined;
    pending.clear();
    return ok(false);
  }

  return look;
}
