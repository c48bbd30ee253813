import type { Environment } from '../environments.ts';
import { type Demand, runningOf } from './compute.ts';
import type { Mix } from './film.ts';
import type { PriceTable } from './prices.ts';
import { savingOf } from './saving.ts';

/** From how many readings a month routing saves on the bill, and up to how many its tasks have time for at all. */
export type Volume = { readonly from: number | undefined; readonly upTo: number };

/** Less than this is not worth a word, and may come of rounding. */
export const worthwhile = 1;
/** No environment here is asked for more in a month. */
const most = 1e9;

/**
 * The volume from which at least {@link worthwhile} is saved in a month, if every reading were of one mix. Below it, tasks that
 * are kept or awake anyway have time for the largest variant as well.
 */
export function volumeOf(environment: Environment, mix: Mix, demand: Demand, prices: PriceTable): Volume {
  const saves = (readings: number) => savingOf(environment, mix, { ...demand, readings }, prices).billed >= worthwhile;
  const enough = (readings: number) =>
    runningOf(environment, mix, 'routed', { ...demand, readings }, prices).every(({ hours }) => hours.enough);
  // What a task saves by ending earlier comes and goes, so each step is looked at; it is closed in on afterwards.
  let below = 0;
  for (let readings = 1; readings <= most && enough(readings); readings = Math.ceil(readings * 1.05)) {
    if (saves(readings)) return { from: first(saves, below, readings), upTo: last(enough, readings) };
    below = readings;
  }
  return { from: undefined, upTo: last(enough, below) };
}

/** The first number above `no` that does, where `yes` does. */
function first(does: (number: number) => boolean, no: number, yes: number): number {
  if (yes - no <= 1) return yes;
  const middle = Math.floor((no + yes) / 2);
  return does(middle) ? first(does, no, middle) : first(does, middle, yes);
}

/** The last number that does, from one that does. */
function last(does: (number: number) => boolean, yes: number): number {
  if (does(most)) return most;
  return first((number) => !does(number), yes, most) - 1;
}
