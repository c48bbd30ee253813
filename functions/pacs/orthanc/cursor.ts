import { z } from 'zod';
import type { Fault } from '../../core/fault.ts';
import { ok, type Result } from '../../core/result.ts';
import type { Change, ChangeLog } from './client.ts';

/** A position in a change log. The date distinguishes it from the same number in a log that was restored from a backup. */
const LogPosition = z.object({ seq: z.int().min(0), date: z.string() });
export type LogPosition = z.infer<typeof LogPosition>;

export const positionOf = (change: Change): LogPosition => ({ seq: change.Seq, date: change.Date });
export const logStart: LogPosition = { seq: 0, date: '' };
export const isSame = (a: LogPosition | undefined, b: LogPosition | undefined) =>
  a?.seq === b?.seq && a?.date === b?.date;

/**
 * The saved state of a poller. All studies with a change up to `at` are submitted. `oldest` is the first entry of the log.
 * `marks` are checkpoints: earlier positions of the cursor in ascending order, with `at` as the last. After a rewind of the
 * log, polling continues from the last checkpoint that is still in the log. `rewinds` counts the rewinds. Before the first
 * answer of Orthanc, only `asked` is known: the time of the first contact.
 */
export const Cursor = z.union([
  z.object({ asked: z.iso.datetime() }),
  z.object({
    at: LogPosition,
    oldest: LogPosition.optional(),
    marks: z.array(LogPosition).default([]),
    rewinds: z.int().min(0).default(0),
  }),
]);
export type Cursor = z.infer<typeof Cursor>;

/** The number of most recent checkpoints that are all kept. */
const recentCount = 8;

/**
 * Add a checkpoint, and remove checkpoints so that their distances grow with their age. The distance between two neighbours is
 * at most the distance from the newer one to the end. So about fifty checkpoints suffice for millions of entries, and a rewind
 * goes back at most about twice as far as necessary. The oldest checkpoint always stays, because entries before the first
 * contact are not read.
 */
export function addCheckpoint(checkpoints: readonly LogPosition[], at: LogPosition): LogPosition[] {
  const newestFirst = [at, ...checkpoints.filter(({ seq }) => seq < at.seq).toReversed()];
  const result: LogPosition[] = [];
  for (const [i, checkpoint] of newestFirst.entries()) {
    const older = newestFirst[i + 1];
    const younger = result.at(-1);
    const isNeeded = i < recentCount || !older || !younger || at.seq - older.seq > 2 * (at.seq - younger.seq);
    if (isNeeded) result.push(checkpoint);
  }
  return result.toReversed();
}

/** Tolerated difference of the clocks, because the clock of the archive may be behind. */
export const clockToleranceMs = 5 * 60_000;

/** The last position before the entries that are dated at or after a time, by the clock of the archive. */
export async function positionBefore(time: Date, orthanc: ChangeLog): Promise<Result<LogPosition, Fault>> {
  const from = orthancDate(time);
  const last = await orthanc.lastChange();
  if (!last.ok) return last;
  // Binary search, because the log has no index by date and may have millions of entries.
  let position = logStart;
  let high = last.value?.Seq ?? 0;
  while (position.seq < high) {
    const middle = Math.floor((position.seq + high) / 2);
    const next = await orthanc.changes(middle, 1);
    if (!next.ok) return next;
    const [change] = next.value.changes;
    if (!change || change.Date >= from) high = middle;
    else position = positionOf(change);
  }
  return ok(position);
}

/** A date in the format of Orthanc, for example `20261123T063102`, in UTC. Such dates sort as text. */
const orthancDate = (date: Date) =>
  date
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:]/g, '');

/** The date of a log entry. */
export const dateOf = ({ date }: LogPosition): Date =>
  new Date(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d).*$/, '$1-$2-$3T$4:$5:$6Z'));
