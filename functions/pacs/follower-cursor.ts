import { z } from 'zod';
import type { Fault } from '../pipeline/fault.ts';
import { ok, type Result } from '../pipeline/result.ts';
import type { Change, Orthanc } from './orthanc.ts';

/** One place in a change log. Number and second together tell it from the same number in another log. */
const Mark = z.object({ seq: z.int().min(0), date: z.string() });
export type Mark = z.infer<typeof Mark>;

export const markOf = (change: Change): Mark => ({ seq: change.Seq, date: change.Date });
export const start: Mark = { seq: 0, date: '' };
export const isSame = (a: Mark | undefined, b: Mark | undefined) => a?.seq === b?.seq && a?.date === b?.date;

/**
 * What is kept of how far a log was followed: every study that a change up to `at` belongs to is a job by now.
 * `oldest` is the log's first entry: an entry disappears with its film, but not the last and the first one at once.
 * Before the first contact only its time is known.
 */
export const Cursor = z.union([z.object({ asked: z.iso.datetime() }), z.object({ at: Mark, oldest: Mark.optional() })]);
export type Cursor = z.infer<typeof Cursor>;

/** Before the first contact by so much, so that clocks may differ: the archive's may be behind. */
const clockToleranceMs = 5 * 60_000;

/** The last place before everything that arrived since we first asked. */
export async function placeOf(asked: string, orthanc: Orthanc): Promise<Result<Mark, Fault>> {
  const from = orthancDate(new Date(Date.parse(asked) - clockToleranceMs));
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
    else place = markOf(change);
  }
  return ok(place);
}

/** `20261123T063102`, UTC: sorts as text. */
const orthancDate = (date: Date) =>
  date
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:]/g, '');
