import type { LoadedFamily } from '../../functions/models/load.ts';
import { costTable } from '../../functions/routing/cost-table.ts';
import type { Environment } from '../environments.ts';
import { assumptions } from './assumptions.ts';
import { type Demand, instanceOf } from './compute.ts';
import { gpuTimeOf, mixOf, usualMixes } from './film.ts';
import type { Holdings } from './holdings.ts';
import { type Month, monthOf } from './month.ts';
import { type PriceName, type PriceTable, priceOf } from './prices.ts';
import { type Saving, savingOf } from './saving.ts';
import { type Volume, volumeOf } from './volume.ts';

export type Asked = Demand & { readonly findings: readonly string[]; readonly gpuMs: number | undefined };

export type Estimate = {
  readonly environment: string;
  readonly asked: Asked;
  readonly table: Pick<PriceTable, 'region' | 'currency' | 'date'>;
  readonly month: Month;
  /** Of the total, what rests on prices that nobody looked up at AWS. */
  readonly atUnverified: number;
  readonly perReading: number;
  /** What the month would cost without a reading. */
  readonly floor: number;
  readonly savings: readonly (Saving & { readonly volume: Volume })[];
  readonly notes: readonly string[];
  readonly assumptions: readonly string[];
  readonly unverified: readonly { readonly name: PriceName; readonly restsOn: string }[];
};

const notCounted =
  'Not counted: VPN or direct connection, traffic between zones and to the internet, backups, training, versions of KMS keys after a rotation, blue/green running twice, support, tax; nor free tiers and discounts.';

/** The whole estimate. Throws for an unknown finding and for a missing price. */
export function estimate(
  environment: Environment,
  holdings: Holdings,
  family: LoadedFamily,
  asked: Asked,
  prices: PriceTable,
): Estimate {
  const { findings, gpuMs, readings } = asked;
  const mixes = usualMixes(family, gpuMs);
  const own = findings.length > 0 ? mixOf(family, findings.join(', '), findings, gpuMs) : undefined;
  const mix = own ?? mixes[0];
  if (!mix) throw new Error('a family has findings');
  const month = monthOf(environment, holdings, mix, asked, prices);
  const empty = monthOf(environment, holdings, mix, { ...asked, readings: 0 }, prices);
  const used = new Set(month.lines.map(({ name }) => name));
  const { region, currency, date } = prices;
  return {
    environment: environment.name,
    asked,
    table: { region, currency, date },
    month,
    atUnverified: month.lines.reduce((sum, { name, cost }) => sum + (priceOf(prices, name).verified ? 0 : cost), 0),
    perReading: readings > 0 ? month.total / readings : 0,
    floor: empty.total,
    savings: [...(own ? [own] : []), ...mixes].map((each) => ({
      ...savingOf(environment, each, asked, prices),
      volume: volumeOf(environment, each, asked, prices),
    })),
    notes: [...notesOf(environment, family, asked, month, prices), notCounted],
    assumptions: Object.values(assumptions).map(({ value, unit, restsOn }) => `${value} ${unit}: ${restsOn}`),
    unverified: [...used].flatMap((name) => {
      const { verified, restsOn = '' } = priceOf(prices, name);
      return verified ? [] : [{ name, restsOn }];
    }),
  };
}

function notesOf(
  environment: Environment,
  family: LoadedFamily,
  { gpuMs }: Asked,
  { running, total }: Month,
  prices: PriceTable,
): string[] {
  const time = gpuTimeOf(family, gpuMs);
  const gpu = running.some((service) => service.gpu);
  const measuredOn = family.catalog.variants[0]?.cost.measuredOn['cpu'];
  const gpuNote = {
    measured: 'Times on a GPU are those that the catalog holds.',
    assumed: `Nothing was measured on a GPU: ${gpuMs} ms for the largest variant is your assumption; what is routed is taken to be cheaper by the same ratio as on the processor, which a GPU need not keep to.`,
    unknown:
      'Nothing was measured on a GPU, and --gpu-ms was not given: a film counts there with its decoding alone, and what routing saves there is unknown and counted as nothing.',
  }[time];
  const night = environment.idle ? `, outside the idle hours ${environment.idle.from} to ${environment.idle.to}` : '';
  return [
    `Inference on the processor: ${costTable(family.catalog, 'cpu').device}, ${measuredOn}; a Fargate processor is taken to be as fast.`,
    ...(gpu ? [gpuNote, `ECS takes the cheapest instance that will do: ${instanceOf(environment, prices).gpu}.`] : []),
    `Films come evenly${night}: peaks need more tasks than this.`,
    ...running
      .filter(({ hours }) => !hours.enough)
      .map(
        ({ name, capacity }) =>
          `${name}: ${capacity.max} tasks are not enough for this; the bill stops there, and the queue grows.`,
      ),
    `The budget of the environment is ${environment.budgetUsd} USD, ${total > environment.budgetUsd ? 'less' : 'more'} than this.`,
    ...(prices.region === environment.region
      ? []
      : [`The prices are of ${prices.region}, the environment is in ${environment.region}.`]),
  ];
}
