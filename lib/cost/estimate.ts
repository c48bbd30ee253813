import type { LoadedFamily } from '../../functions/models/load.ts';
import { route } from '../../functions/routing/cheapest-plan.ts';
import { costTable } from '../../functions/routing/cost-table.ts';
import { type Capacity, type Environment, sizes } from '../environments.ts';

/** AWS calculates with 730 hours per month. */
const month = 730;
const million = 1e6;

/** A price in USD, or an assumption, which has neither date nor source. */
type Entry = { value: number; unit: string; verified: boolean; asOf: string; source: string };
export type Prices = Readonly<Record<string, Entry>>;

/** Parse the tables of prices.md. Throws for an incomplete row: every price needs a date and a source. */
export function parsePrices(markdown: string): Prices {
  const rows = [...markdown.matchAll(/^\| (\w+) \| ([\d.]+) \| (.+) \|$/gm)].map(([, name = '', value, rest = '']) => {
    const [unit = '', verified = '', asOf = '', source = '', page = ''] = rest.split(' | ');
    const isPrice = /^(yes|no)$/.test(verified) && /^\d{4}(-\d\d){0,2}$/.test(asOf) && source && URL.canParse(page);
    if (verified && !isPrice) throw new Error(`prices.md: the row of ${name} is incomplete.`);
    return [name, { value: Number(value), unit, verified: verified === 'yes', asOf, source }] as const;
  });
  return Object.fromEntries(rows);
}

function priceOf(prices: Prices, name: string): number {
  const entry = prices[name];
  if (!entry) throw new Error(`prices.md has no entry ${name}.`);
  return entry.value;
}

/** Milliseconds per film without decoding: routed, and always with the largest variant. */
type Ms = { readonly routed: number; readonly largest: number };
export type Mix = { findings: readonly string[]; variants: readonly string[]; largest: string; cpu: Ms; gpu?: Ms };

/**
 * Route findings by the family's own policy. Without GPU measurements in the catalog, `gpuMs` is the time of the largest
 * variant, and the time of the routed variants is scaled as on the CPU. Throws for an unknown finding.
 */
export function mixOf(family: LoadedFamily, findings: readonly string[], gpuMs?: number): Mix {
  const policy = family.policies[family.ownPolicy];
  if (!policy) throw new Error('The family has no policy.');
  const planFor = (device: string) => {
    const costs = costTable(family.catalog, device);
    const plan = route(family.catalog, policy, costs, { findings, minAuroc: {}, bestEffort: true });
    if (!plan.ok) throw new Error(`${plan.fault.code}: ${findings}. Known: ${family.catalog.findings.join(', ')}.`);
    const { runs, costMs, decodeMs, largest } = plan.value;
    // `Demand.decodeMs` has the time of decoding, for the films of the deployment.
    const ms = { routed: costMs - decodeMs, largest: largest.costMs - largest.decodeMs };
    return { measuredOn: costs.device, runs, largest, ms };
  };
  const [cpu, cuda] = [planFor('cpu'), planFor('cuda')];
  const scaled = gpuMs === undefined ? undefined : { routed: (gpuMs * cpu.ms.routed) / cpu.ms.largest, largest: gpuMs };
  const gpu = cuda.measuredOn === 'cuda' ? cuda.ms : scaled;
  const variants = cpu.runs.map(({ variant }) => variant.id);
  return { findings, variants, largest: cpu.largest.variant.id, cpu: cpu.ms, ...(gpu && { gpu }) };
}

export type Demand = { readings: number; jobs: number; filmMb: number; decodeMs: number };

/** The services of an environment. Films arrive evenly in the busy hours; a film that finds no task starts one. */
export function runningOf(environment: Environment, mix: Mix, ms: keyof Ms, demand: Demand, prices: Prices) {
  const { api, worker, idle, split, gpus } = environment;
  const night = idle ? ((idle.to - idle.from + 24) % 24) / 24 : 0;
  const busy = month * (1 - night);
  // ECS starts the cheapest instance type that fits.
  const gpuName = (gpu: string) => `gpu${gpu[0]?.toUpperCase()}${gpu.slice(1)}`;
  const [cheapest] = gpus.map(gpuName).sort((a, b) => priceOf(prices, a) - priceOf(prices, b));
  const run = (name: string, capacity: Capacity, films: number, idleMin = capacity.min, lingerMinutes = 0) => {
    const gpu = capacity.device === 'gpu' ? cheapest : undefined;
    const threads = gpu ? priceOf(prices, 'gpuThreads') : sizes[capacity.size].cpu / 1024;
    const filmHours = (demand.decodeMs + ((gpu ? mix.gpu : mix.cpu)?.[ms] ?? 0)) / threads / 3.6e6;
    const utilization = name === 'worker' ? 1 : priceOf(prices, 'apiUtilization');
    // A task lingers after its last film, then its GPU instance does.
    const lingerHours = (lingerMinutes * (gpu ? 2 : 1)) / 60;
    const needed = (films * filmHours) / utilization;
    const awake = Math.min(busy, films * (filmHours + lingerHours));
    const idleHours = Math.min(idleMin, capacity.min) * month * night;
    const [minHours, maxHours] = [capacity.min * busy, capacity.max * busy];
    const billedHours = idleHours + Math.min(maxHours, Math.max(minHours, awake, needed));
    return {
      name,
      ...sizes[capacity.size],
      gpu,
      minHours: minHours + idleHours,
      billedHours,
      busyHours: films * filmHours,
      freeFilms: filmHours > 0 ? (billedHours * utilization) / filmHours : Number.POSITIVE_INFINITY,
      enough: needed <= maxHours,
    };
  };
  const jobs = demand.readings * demand.jobs;
  return [
    run('api', api, demand.readings - jobs, idle?.api),
    run('worker', worker, jobs, idle?.worker, worker.lingerMinutes),
    // The share of callers that pin a variant is unknown: split services count with their minimum only.
    ...split.map(({ name, capacity }) => run(name, capacity, 0)),
  ];
}

export type Running = ReturnType<typeof runningOf>[number];
/** Monthly quantities by price name. */
export type Quantities = Record<string, number>;

export const usdOf = (quantities: Quantities, prices: Prices): number =>
  Object.entries(quantities).reduce((sum, [name, quantity]) => sum + quantity * priceOf(prices, name), 0);

function addUp(parts: readonly Quantities[]): Quantities {
  const sum: Quantities = {};
  for (const [name, quantity] of parts.flatMap(Object.entries)) sum[name] = (sum[name] ?? 0) + quantity;
  return sum;
}

function computeQuantities(
  { cpu, memoryMiB, gpu }: Pick<Running, 'cpu' | 'memoryMiB' | 'gpu'>,
  hours: number,
  prices: Prices,
): Quantities {
  if (!gpu) return { fargateVcpu: (hours * cpu) / 1024, fargateGb: (hours * memoryMiB) / 1024 };
  const ebsGb = (priceOf(prices, 'diskGb') * hours) / month;
  return { [gpu]: hours, managedFee: hours * priceOf(prices, gpu), ebsGb };
}

/** USD per hour of one processor thread in a task, with its share of the memory. */
export function threadHourUsd({ size }: Capacity, prices: Prices): number {
  const { cpu, memoryMiB } = sizes[size];
  return usdOf(computeQuantities({ cpu, memoryMiB, gpu: undefined }, 1, prices), prices) / (cpu / 1024);
}

export type Template = { Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }> };

/** What is billed per month without any call. Counted in the templates, so that the estimate matches the deployment. */
export function fixedQuantities(templates: Template[], prices: Prices): Quantities {
  const resources = templates.flatMap(({ Resources }) => Object.values(Resources));
  const all = (type: string) => resources.filter(({ Type }) => Type === type).map(({ Properties }) => Properties ?? {});
  const list = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value : []);
  const each = (type: string, property: string) => all(type).flatMap((properties) => list(properties[property]));
  const endpoints = all('AWS::EC2::VPCEndpoint').filter(({ VpcEndpointType }) => VpcEndpointType === 'Interface');
  const clients = all('AWS::Cognito::UserPoolClient').length;
  const policies = all('AWS::ApplicationAutoScaling::ScalingPolicy');
  const filters = each('AWS::Logs::MetricFilter', 'MetricTransformations');
  return {
    endpointHour: endpoints.flatMap(({ SubnetIds }) => list(SubnetIds)).length * month,
    natHour: all('AWS::EC2::NatGateway').length * month,
    publicIp: all('AWS::EC2::EIP').length * month,
    albHour: all('AWS::ElasticLoadBalancingV2::LoadBalancer').length * month,
    wafAcl: all('AWS::WAFv2::WebACL').length,
    wafRule: each('AWS::WAFv2::WebACL', 'Rules').length,
    machineClient: clients,
    // A token is valid for one hour.
    tokens: (clients * month) / 1000,
    kmsKey: all('AWS::KMS::Key').length,
    secret: all('AWS::SecretsManager::Secret').length,
    imageGb: priceOf(prices, 'imagesGb'),
    // An alarm has one metric, or several in an expression. A target-tracking policy creates two alarms outside the templates.
    alarm:
      all('AWS::CloudWatch::Alarm').filter(({ Metrics }) => !Metrics).length +
      each('AWS::CloudWatch::Alarm', 'Metrics').filter((metric) => 'MetricStat' in metric).length +
      2 * policies.filter(({ PolicyType }) => PolicyType === 'TargetTrackingScaling').length,
    metric: new Set(filters.map(({ MetricName }) => MetricName)).size + priceOf(prices, 'insightMetrics'),
    dashboard: all('AWS::CloudWatch::Dashboard').length,
    logsGb: priceOf(prices, 'fixedLogGb'),
  };
}

/** What is billed per month for the calls. */
export function callQuantities(
  environment: Environment,
  running: Running[],
  demand: Demand,
  prices: Prices,
): Quantities {
  const { readings, filmMb } = demand;
  const per = (name: string) => priceOf(prices, name);
  const jobs = readings * demand.jobs;
  const inline = readings - jobs;
  const calls = inline * per('callsInline') + jobs * per('callsJob');
  const inlineGb = (inline * filmMb) / 1000;
  const logsGb = (calls * per('logKb')) / million;
  const taskHours = running.reduce((sum, { billedHours }) => sum + billedHours, 0);
  const workerHours = running.find(({ name }) => name === 'worker')?.billedHours ?? 0;
  return {
    apiRequests: calls / million,
    wafRequests: calls / million,
    // Films are most of the traffic, and one load balancer unit (LCU) is 1 GB per hour.
    albLcu: inlineGb,
    endpointGb: environment.endpoint.kind === 'private' ? inlineGb : 0,
    natGb: environment.egress.natGateways > 0 ? logsGb : 0,
    tableWrites: (readings * per('readingWrites') + jobs * per('jobWrites')) / million,
    tableReads: (calls * per('callReads')) / million,
    tableGb: (readings * per('readingKb')) / million,
    s3Gb: (((jobs * filmMb) / 1000) * per('filmDays')) / (365.25 / 12),
    s3Writes: jobs / million,
    s3Reads: (jobs + taskHours * per('pointerReadsPerHour')) / million,
    kmsRequests: (readings * per('kmsCalls')) / million,
    queueRequests: (jobs * per('queueCalls') + workerHours * per('pollsPerHour')) / million,
    logsGb,
  };
}

/** USD per month that routing saves against the largest variant: on the bill, and if AWS billed each second of use. */
export function savingOf(environment: Environment, mix: Mix, demand: Demand, prices: Prices) {
  const usd = (ms: keyof Ms, hours: 'billedHours' | 'busyHours') => {
    const running = runningOf(environment, mix, ms, demand, prices);
    return usdOf(addUp(running.map((service) => computeQuantities(service, service[hours], prices))), prices);
  };
  const billedUsd = usd('largest', 'billedHours') - usd('routed', 'billedHours');
  return { ...mix, billedUsd, usedUsd: usd('largest', 'busyHours') - usd('routed', 'busyHours') };
}

/** The estimate of one month. It lists the savings of the given findings, of all findings, and of each finding alone. */
export function estimate(
  environment: Environment,
  templates: Template[],
  family: LoadedFamily,
  { findings, gpuMs, ...demand }: Demand & { findings: readonly string[]; gpuMs?: number },
  prices: Prices,
) {
  const known = family.catalog.findings;
  const mixes = [...(findings.length > 0 ? [findings] : []), known, ...known.map((finding) => [finding])];
  const [mix = mixOf(family, known, gpuMs), ...more] = mixes.map((names) => mixOf(family, names, gpuMs));
  const month = (readings: number) => {
    const running = runningOf(environment, mix, 'routed', { ...demand, readings }, prices);
    const compute = running.map((service) => computeQuantities(service, service.billedHours, prices));
    const calls = callQuantities(environment, running, { ...demand, readings }, prices);
    const bill = Object.entries(addUp([...compute, fixedQuantities(templates, prices), calls]));
    const lines = bill
      .filter(([, quantity]) => quantity > 0)
      .map(([name, quantity]) => ({
        name,
        quantity,
        unit: prices[name]?.unit,
        usd: quantity * priceOf(prices, name),
        verified: prices[name]?.verified,
      }));
    return { running, lines, usd: lines.reduce((sum, { usd }) => sum + usd, 0) };
  };
  const { running, lines, usd } = month(demand.readings);
  const unverifiedUsd = lines.reduce((sum, line) => sum + (line.verified ? 0 : line.usd), 0);
  const savings = [mix, ...more].map((each) => savingOf(environment, each, demand, prices));
  return { running, lines, usd, unverifiedUsd, fixedUsd: month(0).usd, savings };
}
