import { manufacturer } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import { ok, type Result } from '../../core/result.ts';
import type { Logger } from '../../platform/log.ts';
import type { Platform } from '../../storage/platform.ts';
import type { Follow, PacsSettings } from '../config.ts';
import type { PollOnce } from '../poll-loop.ts';
import { isRecent, type SubmitStudy } from '../study/submit.ts';
import type { Change, ChangeLog, OrthancStudy } from './client.ts';
import {
  addCheckpoint,
  Cursor,
  clockToleranceMs,
  isSame,
  type LogPosition,
  logStart,
  positionBefore,
  positionOf,
} from './cursor.ts';
import { findResumePoint } from './resume.ts';
import { createBacklog, createPendingStudies } from './waiting-studies.ts';

// Only the change log is complete. A notification may get lost, and Orthanc reports no StableStudy if it stops within
// StableAge after the last film of a study. So the poller reads the new instances, and a study is due after a time without a
// new instance.

export type ChangeLogPollerDeps = {
  readonly pacs: string;
  readonly settings: Pick<PacsSettings, 'tenant' | 'modalities' | 'readStudiesOfLastDays'> & {
    readonly follow: Follow;
  };
  readonly orthanc: ChangeLog;
  readonly platform: Pick<Platform, 'cursors'> & { readonly jobs: Pick<Platform['jobs'], 'get'> };
  readonly submit: SubmitStudy;
  /** Called at each poll with whether polling is paused. */
  setPaused?(isPaused: boolean): void;
  readonly log: Logger;
  /** A monotonic clock, in milliseconds. */
  clock(): number;
  now(): Date;
};

const pageSize = 200;

/**
 * Polls Orthanc's change log. A study is submitted before the cursor moves past its changes, so no study is lost. A change
 * that is read twice gives the same job.
 */
export function createChangeLogPoller(deps: ChangeLogPollerDeps): PollOnce {
  const { pacs, orthanc, platform, log, clock, now } = deps;
  const { tenant, modalities, readStudiesOfLastDays, follow } = deps.settings;
  const name = `orthanc/${pacs}`;
  const everyMs = follow.everySeconds * 1000;
  const pending = createPendingStudies(follow.settleSeconds * 1000);
  const backlog = createBacklog(platform.jobs);
  let isPaused = false;
  /** The position up to which the log was read. Undefined until the saved cursor is loaded. */
  let scanned: LogPosition | undefined;
  let oldest: LogPosition | undefined;
  let checkpoints: readonly LogPosition[] = [];
  let rewinds = 0;
  let savedCursor: string | undefined;
  /** Whether the saved cursor has a position. At first it has only the time of the first contact. */
  let isPositionSaved = false;

  async function poll(): Promise<Result<number, Fault>> {
    const from = scanned && isPositionSaved ? await verifyPosition(scanned) : await resume();
    if (!from.ok) return from;
    scanned = from.value;
    for (;;) {
      if (await updatePause()) return ok(everyMs);
      // If too many studies are pending, submit them before reading more of the log.
      const page = pending.isFull() ? ok({ changes: [], done: true }) : await orthanc.changes(scanned.seq, pageSize);
      if (!page.ok) return page;
      const next = await addPendingStudies(page.value.changes, scanned);
      if (!next.ok) return next;
      scanned = next.value;
      const moved = await submitDueStudies(scanned);
      if (!moved.ok) return moved;
      if (!moved.value) return ok(0);
      if (page.value.done) break;
    }
    return ok(Math.max(0, Math.min(everyMs, pending.msUntilDue(clock()))));
  }

  /** Pause polling while too many submitted studies wait. Returns whether polling is paused. */
  async function updatePause(): Promise<boolean> {
    const isFull = await backlog.isFull();
    if (isFull && !isPaused)
      log.warn({ pacs }, 'too many studies wait to be read: polling of the change log is paused');
    if (!isFull && isPaused) log.info({ pacs }, 'polling of the change log continues');
    isPaused = isFull;
    deps.setPaused?.(isFull);
    return isFull;
  }

  /** Load the saved cursor, or create it at the first contact. Returns the position to continue from. */
  async function resume(): Promise<Result<LogPosition, Fault>> {
    savedCursor = await platform.cursors.get(name);
    if (savedCursor === undefined) {
      const first = follow.from === 'now' ? { asked: now().toISOString() } : { at: logStart };
      const text = JSON.stringify(first);
      // Save the time of the first contact before the first request, so films that arrive during an outage are not missed.
      if (await platform.cursors.move(name, undefined, text)) savedCursor = text;
      else savedCursor = await platform.cursors.get(name);
    }
    const cursor = Cursor.parse(JSON.parse(savedCursor ?? ''));
    isPositionSaved = 'at' in cursor;
    if ('at' in cursor) {
      ({ oldest, rewinds } = cursor);
      checkpoints = addCheckpoint(cursor.marks, cursor.at);
      return verifyPosition(cursor.at);
    }
    const position = await positionBefore(new Date(Date.parse(cursor.asked) - clockToleranceMs), orthanc);
    if (position.ok) checkpoints = [position.value];
    return position;
  }

  /** The position to continue from. It is further back if the log lost entries or was replaced. */
  async function verifyPosition(from: LogPosition): Promise<Result<LogPosition, Fault>> {
    const resumePoint = await findResumePoint(from, { checkpoints, oldest }, orthanc);
    if (!resumePoint.ok) return resumePoint;
    const { at, isRewound } = resumePoint.value;
    if (isSame(at, from)) return ok(from);
    pending.clear();
    checkpoints = addCheckpoint(checkpoints, at);
    if (isRewound) {
      rewinds++;
      log.warn(
        { pacs, from: from.seq, to: at.seq },
        'the change log of Orthanc was replaced, for example by a restore from a backup: reading it again from an earlier entry',
      );
    } else
      log.info(
        { pacs, from: from.seq, to: at.seq },
        'entries of the change log were deleted: reading it again from an earlier entry',
      );
    return ok(at);
  }

  /** Add the studies with new films to the pending studies. Returns the position after these changes. */
  async function addPendingStudies(
    changes: readonly Change[],
    before: LogPosition,
  ): Promise<Result<LogPosition, Fault>> {
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
      if (change.ChangeType === 'StableStudy') pending.markStable(change.ID);
      at = positionOf(change);
    }
    return ok(at);
  }

  /** Submit the due studies, then move the cursor. Returns false if another process moved the cursor. */
  async function submitDueStudies(at: LogPosition): Promise<Result<boolean, Fault>> {
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
    return saveCursor(pending.cursor(at));
  }

  /** The version of a study. A rewind changes it, because a result that was stored after the backup may be lost. */
  const versionOf = ({ seq, date }: LogPosition) => (rewinds > 0 ? `${seq} ${date} ${rewinds}` : `${seq} ${date}`);

  const isWanted = ({ studyDate }: OrthancStudy) => isRecent(studyDate, readStudiesOfLastDays, now());

  async function saveCursor(at: LogPosition): Promise<Result<boolean, Fault>> {
    const before = Cursor.parse(JSON.parse(savedCursor ?? ''));
    if ('at' in before && isSame(before.at, at)) return ok(true);
    const first = await orthanc.changes(0, 1);
    if (!first.ok) return first;
    const [change] = first.value.changes;
    oldest = change && positionOf(change);
    checkpoints = addCheckpoint(checkpoints, at);
    const to: Cursor = { at, ...(oldest && { oldest }), marks: [...checkpoints], rewinds };
    const text = JSON.stringify(to);
    if (await platform.cursors.move(name, savedCursor, text)) {
      savedCursor = text;
      isPositionSaved = true;
      return ok(true);
    }
    // Another process polls this PACS as well. Continue from its cursor.
    scanned = undefined;
    pending.clear();
    return ok(false);
  }

  return poll;
}
