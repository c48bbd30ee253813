import type { Environment } from '../environments.ts';
import { costOf, type Demand, partsOf, runningOf } from './compute.ts';
import type { Both, Mix } from './film.ts';
import type { PriceTable } from './prices.ts';

/** What routing saves in a month against always using the largest variant, if every reading were of one mix. */
export type Saving = {
  readonly mix: Mix;
  /** Of the time of inference on the processor. */
  readonly ofInference: number;
  /** Hours that films keep places of tasks busy for, decoding included. */
  readonly busyHours: Both;
  /** If hours could be bought to the second: the time saved at the price of the tasks. */
  readonly byUse: number;
  /** What is saved on the bill: nothing, as long as what stands there anyway is enough for both. */
  readonly billed: number;
};

export function savingOf(environment: Environment, mix: Mix, demand: Demand, prices: PriceTable): Saving {
  const routed = runningOf(environment, mix, 'routed', demand, prices);
  const largest = runningOf(environment, mix, 'largest', demand, prices);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  const busy = (running: typeof routed) => sum(running.map(({ busyHours }) => busyHours));
  const billed = (running: typeof routed) =>
    sum(running.map((service) => costOf(partsOf(service, service.hours.billed, prices))));
  const used = (running: typeof routed) =>
    sum(running.map((service) => costOf(partsOf(service, service.busyHours / service.places, prices))));
  return {
    mix,
    ofInference: 1 - mix.cpu.routed / mix.cpu.largest,
    busyHours: { routed: busy(routed), largest: busy(largest) },
    byUse: used(largest) - used(routed),
    billed: billed(largest) - billed(routed),
  };
}
