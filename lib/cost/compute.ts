import { type Capacity, type Environment, type Gpu, sizes } from '../environments.ts';
import { assume } from './assumptions.ts';
import type { Both, Mix } from './film.ts';
import { monthHours, periodsOf, type TaskHours, taskHours } from './hours.ts';
import { type PriceName, type PriceTable, priceOf } from './prices.ts';

/** What comes in a month. */
export type Demand = {
  readonly readings: number;
  /** The share of readings that come as jobs, and so go to workers. */
  readonly jobs: number;
  readonly filmMb: number;
  /** Decoding and all else that a film takes beside inference. */
  readonly decodeMs: number;
};

/** A service of an environment over a month. */
export type Running = {
  readonly name: string;
  readonly capacity: Capacity;
  /** The instance, where it is a GPU. */
  readonly gpu: Gpu | undefined;
  readonly hours: TaskHours;
  readonly films: number;
  /** Hours that films keep places busy for, decoding included; without inference where its time is not known. */
  readonly busyHours: number;
  readonly places: number;
  /** How many films the billed hours have time for. */
  readonly room: number;
};

const gpuPrices: Readonly<Record<Gpu, PriceName>> = { t4: 'gpuT4', l4: 'gpuL4', a10g: 'gpuA10g', l40s: 'gpuL40s' };

/** The price of an hour of the instance that ECS takes: the cheapest that will do. Throws where one has no price. */
export function instanceOf({ gpus }: Pick<Environment, 'gpus'>, prices: PriceTable): { gpu: Gpu; hour: number } {
  const [cheapest] = gpus
    .map((gpu) => ({ gpu, hour: priceOf(prices, gpuPrices[gpu]).each }))
    .sort((a, b) => a.hour - b.hour);
  if (!cheapest) throw new Error('an environment that uses a GPU lists one');
  return cheapest;
}

/** Every service of an environment, as it runs when all readings are of one mix, routed or always on the largest. */
export function runningOf(environment: Environment, mix: Mix, of: keyof Both, demand: Demand, prices: PriceTable) {
  const { api, worker, idle, split } = environment;
  const jobs = demand.readings * demand.jobs;
  const run = (
    name: string,
    capacity: Capacity,
    films: number,
    atNight: number | undefined,
    linger: number,
  ): Running => {
    const onGpu = capacity.device === 'gpu';
    const places = onGpu ? assume('gpuPlaces') : sizes[capacity.size].cpu / 1024;
    const ms = demand.decodeMs + ((onGpu ? mix.gpu : mix.cpu)?.[of] ?? 0);
    const target = name === 'worker' ? 1 : assume('apiTarget');
    // The task lingers, then its instance does.
    const lingerHours = (linger * (onGpu ? 2 : 1)) / 60;
    const periods = periodsOf(environment, capacity.min, atNight);
    const hours = taskHours(periods, { films, ms, places, target, max: capacity.max, lingerHours });
    return {
      ...{ name, capacity, films, places, hours },
      gpu: onGpu ? instanceOf(environment, prices).gpu : undefined,
      busyHours: (films * ms) / 3.6e6,
      room: ms > 0 ? (hours.billed * places * target * 3.6e6) / ms : 0,
    };
  };
  return [
    run('api', api, demand.readings - jobs, idle?.api, 0),
    run('worker', worker, jobs, idle?.worker, worker.lingerMinutes),
    // Nobody knows which share of callers pins a variant: what these keep is counted, their films are with api.
    ...split.map(({ name, capacity }) => run(name, capacity, 0, undefined, 0)),
  ] as const;
}

export type Part = {
  readonly what: string;
  readonly quantity: number;
  readonly name: PriceName;
  readonly cost: number;
};

/** What an hour of a task is made of: amounts of what has a price. */
export function partsOf(
  { capacity, gpu }: Pick<Running, 'capacity' | 'gpu'>,
  hours: number,
  prices: PriceTable,
): Part[] {
  const part = (what: string, quantity: number, name: PriceName, each = priceOf(prices, name).each): Part => ({
    ...{ what, quantity, name },
    cost: quantity * each,
  });
  if (gpu === undefined) {
    const { cpu, memoryMiB } = sizes[capacity.size];
    return [
      part('Fargate, processors', (hours * cpu) / 1024, 'fargateVcpu'),
      part('Fargate, memory', (hours * memoryMiB) / 1024, 'fargateGb'),
    ];
  }
  const instance = priceOf(prices, gpuPrices[gpu]).each;
  return [
    part(`GPU instance, ${gpu}`, hours, gpuPrices[gpu]),
    part('ECS Managed Instances, fee', hours, 'managedFee', instance * priceOf(prices, 'managedFee').each),
    part('Disk of the instance', (assume('volumeGb') * hours) / monthHours, 'ebsGb'),
  ];
}

export const costOf = (parts: readonly Part[]): number => parts.reduce((sum, { cost }) => sum + cost, 0);
