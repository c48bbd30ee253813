import type { Fault } from '../core/fault.ts';
import type { Outcome } from '../core/job.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { HandlerContext } from './handler.ts';
import { isTooHeavy } from './retry.ts';

type FilmLoop<Film> = {
  /** Outcomes of an earlier attempt, which stay as they are. */
  readonly earlier?: readonly Outcome[];
  /** The fault of the attempt before this one. */
  readonly faultBefore: Fault | undefined;
  read(film: Film): Promise<Result<Outcome, Fault>>;
  /** Whether a fault would meet the other films too. Then the loop ends at once. */
  blocksAll(fault: Fault): boolean;
};

/**
 * Read the films of a job one after another. A film that cannot be read now does not block the others: the loop goes on,
 * and then returns its fault, so that the next attempt reads only what is left.
 */
export async function forEachFilm<Film extends { readonly sopInstanceUid: string }>(
  films: readonly Film[],
  { progress, signal }: HandlerContext,
  { earlier = [], faultBefore, read, blocksAll }: FilmLoop<Film>,
): Promise<Result<readonly Outcome[], Fault>> {
  const outcomes = new Map(earlier.map((outcome) => [outcome.sopInstanceUid, outcome]));
  let later: Fault | undefined;
  for (const film of films) {
    const { sopInstanceUid } = film;
    if (outcomes.has(sopInstanceUid)) continue;
    const result = await read(film);
    const outcome =
      !result.ok && isTooHeavy(result.fault, faultBefore) ? ok<Outcome>({ refused: result.fault }) : result;
    if (outcome.ok) {
      outcomes.set(sopInstanceUid, { sopInstanceUid, ...outcome.value });
      await progress(outcomes.size, films.length, [...outcomes.values()]);
    } else if (signal.aborted || blocksAll(outcome.fault)) return outcome;
    else later ??= outcome.fault;
  }
  return later ? fail(later) : ok([...outcomes.values()]);
}

/** The outcome of a reading whose results were sent to a PACS, which may have lost the film since. */
export function outcomeOfStoring(reading: string, stored: Result<readonly string[], Fault>): Result<Outcome, Fault> {
  if (stored.ok) return ok({ reading, stored: [...stored.value] });
  return stored.fault.code === 'film_gone' ? ok({ reading, refused: stored.fault }) : stored;
}
