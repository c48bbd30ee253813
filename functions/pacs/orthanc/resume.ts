import type { Fault } from '../../core/fault.ts';
import { ok, type Result } from '../../core/result.ts';
import type { ChangeLog } from './client.ts';
import { clockToleranceMs, dateOf, isSame, type LogPosition, logStart, positionBefore, positionOf } from './cursor.ts';

/** The position to continue from. `isRewound` is true if the log was replaced by an earlier or another log. */
export type ResumePoint = { readonly at: LogPosition; readonly isRewound: boolean };

/**
 * After a rewind, the entries of this time before the common position are read again. A film before that position may have
 * lost its result, because the result was stored after the backup.
 */
const marginMs = 3_600_000;

/**
 * Find the position to continue from in a log that was read up to `at`. If the entry at `at` is present, it is that position.
 *
 * An entry disappears if its film is deleted. The end of the log disappears if the archive is restored from a backup, and
 * Orthanc then assigns the same numbers again. The two cases cannot always be distinguished, so both continue from the last
 * checkpoint that is still in the log. Reading entries again costs one search per study. Skipping entries would lose studies.
 */
export async function findResumePoint(
  at: LogPosition,
  { checkpoints, oldest }: { readonly checkpoints: readonly LogPosition[]; readonly oldest: LogPosition | undefined },
  orthanc: ChangeLog,
): Promise<Result<ResumePoint, Fault>> {
  const current = await entryOf(at, orthanc);
  if (!current.ok) return current;
  if (current.value === 'present') return ok({ at, isRewound: false });
  const last = await orthanc.lastChange();
  if (!last.ok) return last;
  let isRewound = current.value === 'different' || (last.value?.Seq ?? 0) < at.seq;
  for (const checkpoint of checkpoints.toReversed()) {
    const entry = await entryOf(checkpoint, orthanc);
    if (!entry.ok) return entry;
    if (entry.value === 'different') isRewound = true;
    if (entry.value !== 'present') continue;
    return isRewound ? rewoundPoint(checkpoint, checkpoints, orthanc) : ok({ at: checkpoint, isRewound });
  }
  const first = await orthanc.changes(0, 1);
  if (!first.ok) return first;
  const [change] = first.value.changes;
  // The same archive was restored to a state before the first contact. Continue from the time of the first contact.
  if (change && isSame(positionOf(change), oldest)) {
    const [firstCheckpoint = at] = checkpoints;
    const position = await positionBefore(new Date(dateOf(firstCheckpoint).getTime() - clockToleranceMs), orthanc);
    return position.ok ? ok({ at: position.value, isRewound: true }) : position;
  }
  return ok({ at: logStart, isRewound: true });
}

/** The position {@link marginMs} before the common position, but not before the first contact. */
async function rewoundPoint(
  common: LogPosition,
  checkpoints: readonly LogPosition[],
  orthanc: ChangeLog,
): Promise<Result<ResumePoint, Fault>> {
  const [firstCheckpoint = logStart] = checkpoints;
  if (common.seq <= firstCheckpoint.seq) return ok({ at: common, isRewound: true });
  const position = await positionBefore(new Date(dateOf(common).getTime() - marginMs), orthanc);
  if (!position.ok) return position;
  return ok({ at: position.value.seq > firstCheckpoint.seq ? position.value : firstCheckpoint, isRewound: true });
}

/** Whether the log has the entry of a checkpoint, no entry with its number, or a different entry with its number. */
async function entryOf(
  checkpoint: LogPosition,
  orthanc: ChangeLog,
): Promise<Result<'present' | 'missing' | 'different', Fault>> {
  if (checkpoint.seq === 0) return ok('present');
  const current = await orthanc.changes(checkpoint.seq - 1, 1);
  if (!current.ok) return current;
  const [change] = current.value.changes;
  if (change?.Seq !== checkpoint.seq) return ok('missing');
  return ok(isSame(positionOf(change), checkpoint) ? 'present' : 'different');
}
