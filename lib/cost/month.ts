import type { Environment } from '../environments.ts';
import { assume } from './assumptions.ts';
import { type Demand, type Part, partsOf, type Running, runningOf } from './compute.ts';
import type { Both, Mix } from './film.ts';
import type { Holdings } from './holdings.ts';
import { monthHours } from './hours.ts';
import { type PriceName, type PriceTable, priceOf } from './prices.ts';

/** `compute`: task hours; `standing`: there without any call; `use`: grows with calls. */
export type Line = Part & { readonly kind: 'compute' | 'standing' | 'use'; readonly service: string };

export type Month = {
  readonly lines: readonly Line[];
  readonly total: number;
  readonly running: readonly Running[];
};

/** A month of an environment. */
export function monthOf(
  environment: Environment,
  holdings: Holdings,
  mix: Mix,
  demand: Demand,
  prices: PriceTable,
  of: keyof Both = 'routed',
): Month {
  const running = runningOf(environment, mix, of, demand, prices);
  const compute = running.flatMap((service) =>
    partsOf(service, service.hours.billed, prices).map(
      (part): Line => ({ ...part, service: service.name, kind: 'compute' }),
    ),
  );
  const lines = [...compute, ...standing(holdings, prices), ...use(environment, holdings, running, demand, prices)];
  const bought = lines.filter(({ quantity }) => quantity > 0);
  return { lines: bought, total: bought.reduce((sum, { cost }) => sum + cost, 0), running };
}

const lineOf =
  (prices: PriceTable, kind: Line['kind']) =>
  (service: string, what: string, quantity: number, name: PriceName): Line => ({
    ...{ kind, service, what, quantity, name },
    cost: quantity * priceOf(prices, name).each,
  });

function standing(holdings: Holdings, prices: PriceTable): Line[] {
  const line = lineOf(prices, 'standing');
  return [
    line('network', 'Interface endpoints, by zone', holdings.endpointZones * monthHours, 'endpointHour'),
    line('network', 'NAT gateways', holdings.natGateways * monthHours, 'natHour'),
    line('network', 'Public addresses', holdings.publicIps * monthHours, 'publicIp'),
    line('network', 'Load balancer', holdings.balancers * monthHours, 'albHour'),
    line('front', 'Firewall', holdings.webAcls, 'wafAcl'),
    line('front', 'Rules of the firewall', holdings.webAclRules, 'wafRule'),
    line('identity', 'Machine clients', holdings.machineClients, 'machineClient'),
    // A token lives an hour.
    line('identity', 'Tokens', (holdings.machineClients * monthHours) / 1000, 'tokens'),
    line('data', 'KMS keys', holdings.keys, 'kmsKey'),
    line('data', 'Secrets', holdings.secrets, 'secret'),
    line('data', 'Images in the registry', assume('imageGb'), 'imageGb'),
    line('watching', 'Alarms, by metric', holdings.alarmMetrics, 'alarm'),
    line('watching', 'Metrics counted from logs', holdings.logMetrics, 'metric'),
    line('watching', 'Dashboards', holdings.dashboards, 'dashboard'),
    line('watching', 'Metrics of Container Insights', assume('insightMetrics'), 'metric'),
    line('watching', 'Logs without calls', assume('logGb'), 'logsGb'),
  ];
}

function use(
  { worker, endpoint }: Environment,
  holdings: Holdings,
  running: readonly Running[],
  { readings, jobs: share, filmMb }: Demand,
  prices: PriceTable,
): Line[] {
  const line = lineOf(prices, 'use');
  const million = 1e6;
  const jobs = readings * share;
  const inline = readings - jobs;
  const calls = inline * assume('requestsInline') + jobs * assume('requestsJob');
  const inlineGb = (inline * filmMb) / 1000;
  const taskHours = running.reduce((sum, { hours }) => sum + hours.billed, 0);
  const workerHours = running.find(({ capacity }) => capacity === worker)?.hours.billed ?? 0;
  return [
    line('front', 'Calls of API Gateway', calls / million, 'apiRequests'),
    line('front', 'Calls through the firewall', calls / million, 'wafRequests'),
    // A gigabyte an hour is a unit of the load balancer, and films are most of what it carries.
    line('network', 'Films through the load balancer', inlineGb, 'albLcu'),
    line('network', 'Films through the private endpoint', endpoint.kind === 'private' ? inlineGb : 0, 'endpointGb'),
    line('network', 'Logs through NAT', holdings.natGateways > 0 ? (calls * assume('logKb')) / million : 0, 'natGb'),
    line(
      'data',
      'Written to the table',
      (readings * assume('readingWrites') + jobs * assume('jobWrites')) / million,
      'tableWrites',
    ),
    line('data', 'Read from the table', (calls * assume('tableReads')) / million, 'tableReads'),
    line('data', 'Kept in the table', (readings * assume('tableKb')) / million, 'tableGb'),
    line('data', 'Films kept until read', (((jobs * filmMb) / 1000) * assume('filmDays')) / (365.25 / 12), 's3Gb'),
    line('data', 'Films uploaded', jobs / million, 's3Writes'),
    line(
      'data',
      'Films fetched, and looks at the channel',
      (jobs + taskHours * assume('pointerHour')) / million,
      's3Reads',
    ),
    line('data', 'Calls of KMS', (readings * assume('kmsRequests')) / million, 'kmsRequests'),
    line(
      'data',
      'Calls of the queue',
      (jobs * assume('queueRequests') + workerHours * assume('pollsHour')) / million,
      'queueRequests',
    ),
    line('watching', 'Logs of calls', (calls * assume('logKb')) / million, 'logsGb'),
  ];
}
