import { z } from 'zod';
import type { Fault } from '../../core/fault.ts';
import { ok, type Result } from '../../core/result.ts';
import type { Change, ChangeLog } from './client.ts';

/** One place in a change log. Number and second together tell it from the same number in another log. */
const LogPosition = z.object({ seq: z.int().min(0), date: z.string() });
export type LogPosition = z.infer<typeof LogPosition>;

export const positionOf = (change: Change): LogPosition => ({ seq: change.Seq, date: change.Date });
export const start: LogPosition = { seq: 0, date: '' };
export const isSame = (a: LogPosition | undefined, b: LogPosition | undefined) =>
  a?.seq === b?.seq && a?.date === b?.date;

/**
 * What is kept of how far a log was followed: every study that a change up to `at` belongs to is a job by now.
 * `oldest` is the log's first entry. `marks` are places where the cursor has stood, the oldest first and `at` the last:
 * what both this list and the log hold is where a log that was rewound can be gone on with. `rewinds` counts how often
 * that was needed. Before the first contact only its time is known.
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

/** Marks so near to the last one are all kept. */
const allOfTheLast = 8;

/**
 * Marks with one more, the older ones ever further apart: at most as far from the next as from the last one, so that some
 * fifty do for a log of millions, and none goes much further back than it must. The oldest one always stays: what was
 * before the first contact is not followed.
 */
export function addCheckpoint(marks: readonly LogPosition[], at: LogPosition): LogPosition[] {
  const newestFirst = [at, ...marks.filter(({ seq }) => seq < at.seq).toReversed()];
  const kept: LogPosition[] = [];
  for (const [i, mark] of newestFirst.entries()) {
    const older = newestFirst[i + 1];
    const younger = kept.at(-1);
    const isNeeded = i < allOfTheLast || !older || !younger || at.seq - older.seq > 2 * (at.seq - younger.seq);
    if (isNeeded) kept.push(mark);
  }
  return kept.toReversed();
}

/** Clocks may differ by so much: the archive's may be behind. */
export const clockToleranceMs = 5 * 60_000;

/** The last place before everything that arrived at or after a moment by the archive's clock. */
export async function positionBefore(moment: Date, orthanc: ChangeLog): Promise<Result<LogPosition, Fault>> {
  const from = orthancDate(moment);
  const last = await orthanc.lastChange();
  if (!last.ok) return last;
  // Search by halves: the log has no index by date, and may hold millions of entries.
  let place = start;
  let high = last.value?.Seq ?? 0;
  while (place.seq < high) {
    const middle = Math.floor((place.seq + high) / 2);
    const next = await orthanc.changes(middle, 1);
    if (!next.ok) return next;
    const [change] = next.value.changes;
    if (!change || change.Date >= from) high = middle;
    else place = positionOf(change);
  }
  return ok(place);
}

/** `20261123T063102`, UTC: sorts as text. */
const orthancDate = (date: Date) =>
  date
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:]/g, '');

/** The moment that a mark was made at. */
export const momentOf = ({ date }: LogPosition): Date =>
  new Date(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d).*$/, '$1-$2-$3T$4:$5:$6Z'));
