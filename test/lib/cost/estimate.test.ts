import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadFamily } from '../../../functions/models/load.ts';
import {
  callQuantities,
  estimate,
  fixedQuantities,
  mixOf,
  type Prices,
  parsePrices,
  runningOf,
  savingOf,
  threadHourUsd,
} from '../../../lib/cost/estimate.ts';
import { environmentNamed } from '../../../lib/environments.ts';

const root = join(import.meta.dirname, '../../..');
const family = loadFamily(join(root, 'models'), 'chest14');
const markdown = readFileSync(join(root, 'lib/cost/prices.md'), 'utf8');
const prices = parsePrices(markdown);
const demand = { readings: 100_000, jobs: 0.5, filmMb: 6.2, decodeMs: 202 };
const asked = { ...demand, gpuMs: 5, findings: [] };
const [dev, prod] = [environmentNamed('dev'), environmentNamed('prod')];
const mix = mixOf(family, family.catalog.findings, 5);
const month = 730;

/** Everything is free except for the named prices. The assumptions stay. */
const only = (values: Readonly<Record<string, number>>): Prices =>
  Object.fromEntries(
    Object.entries(prices).map(([name, entry]) => [
      name,
      { ...entry, value: entry.source === '' ? entry.value : (values[name] ?? 0) },
    ]),
  );

describe('task hours', () => {
  const worker = { ...dev.worker, min: 0, max: 2, lingerMinutes: 30 };
  const jobsOnly = { ...demand, jobs: 1 };
  const hours = (change: object, films: Partial<typeof demand>) =>
    runningOf({ ...dev, worker, ...change }, mix, 'routed', { ...jobsOnly, ...films }, prices)[1];
  const idle = { from: 20, to: 6, timeZone: 'UTC', api: 1, worker: 0 };

  test('idle hours have their own minimum', () => {
    const kept = hours({ worker: { ...worker, min: 1 }, idle }, { readings: 0 });
    expect(kept?.billedHours).toBeCloseTo((month * 14) / 24);
  });
  test('a task above the minimum is billed for its films and its linger time', () => {
    const task = hours({}, { readings: 10 });
    expect(task?.billedHours).toBeCloseTo(10 * 0.5, 1);
    expect(hours({}, { readings: 1e6 })?.billedHours).toBeCloseTo(month);
  });
  test('two vCPU read two films at a time', () => {
    const film = { readings: 1, decodeMs: 3.6e6 - mix.cpu.routed };
    const task = hours({ worker: { ...worker, size: 'medium', lingerMinutes: 0 } }, film);
    expect(task?.billedHours).toBeCloseTo(0.5);
  });
  test('more films than all tasks can read are billed as all tasks, and reported', () => {
    expect(hours({}, { readings: 1e6, decodeMs: 3.6e6 })).toMatchObject({ billedHours: 2 * month, enough: false });
  });
  test('ECS starts the cheapest of the listed GPU instances', () => {
    const table = only({ gpuT4: 3, gpuL4: 1, gpuA10g: 2 });
    const running = runningOf(prod, mix, 'routed', demand, table);
    expect(running.map(({ gpu }) => gpu)).toEqual([undefined, 'gpuL4']);
  });
});

describe('bill', () => {
  const usd = (environment: typeof dev, change: Partial<typeof asked>, table: Prices, templates: object[] = []) =>
    estimate(environment, templates as never, family, { ...asked, ...change }, table).usd;

  test('dev always runs one task with one vCPU', () => {
    expect(usd(dev, { readings: 0 }, only({ fargateVcpu: 1 }))).toBeCloseTo(month);
  });
  test('calls are billed per million', () => {
    expect(usd(dev, { readings: 2e6, jobs: 0 }, only({ apiRequests: 3 }))).toBeCloseTo(6);
  });
  test('the fee of Managed Instances is a share of the instance price', () => {
    const withoutFee = usd(prod, {}, only({ gpuT4: 2 }));
    expect(usd(prod, {}, only({ gpuT4: 2, managedFee: 0.1 }))).toBeCloseTo(1.1 * withoutFee);
  });
  test('films pass the private endpoint only where the API is private', () => {
    const quantity = (environment: typeof dev) => callQuantities(environment, [], demand, prices)['endpointGb'];
    expect(quantity(prod)).toBeCloseTo(310);
    expect(quantity(dev)).toBe(0);
  });
  test.each(['dev', 'staging', 'prod'])('%s never costs less for more readings', (name) => {
    const environment = environmentNamed(name);
    const cost = (readings: number) => usd(environment, { readings }, prices);
    fc.assert(
      fc.property(fc.nat(1e9), fc.nat(1e9), (a, b) => cost(Math.min(a, b)) <= cost(Math.max(a, b)) + 1e-6),
      { numRuns: 20 },
    );
  });
  test('fixed costs are counted in the templates', () => {
    const resources = {
      A: { Type: 'AWS::EC2::VPCEndpoint', Properties: { VpcEndpointType: 'Interface', SubnetIds: ['a', 'b'] } },
      B: { Type: 'AWS::EC2::VPCEndpoint', Properties: { VpcEndpointType: 'Gateway' } },
      C: { Type: 'AWS::CloudWatch::Alarm', Properties: { Metrics: [{ MetricStat: {} }, { Expression: 'x' }] } },
      D: { Type: 'AWS::CloudWatch::Alarm', Properties: { MetricName: 'x' } },
      E: { Type: 'AWS::WAFv2::WebACL', Properties: { Rules: [{}, {}, {}] } },
      F: { Type: 'AWS::ApplicationAutoScaling::ScalingPolicy', Properties: { PolicyType: 'TargetTrackingScaling' } },
      G: { Type: 'AWS::ApplicationAutoScaling::ScalingPolicy', Properties: { PolicyType: 'StepScaling' } },
      H: { Type: 'AWS::Logs::MetricFilter', Properties: { MetricTransformations: [{ MetricName: 'x' }] } },
      I: { Type: 'AWS::Logs::MetricFilter', Properties: { MetricTransformations: [{ MetricName: 'x' }] } },
      J: { Type: 'AWS::KMS::Key' },
    };
    const fixed = fixedQuantities([{ Resources: resources }], prices);
    const metric = 1 + (prices['insightMetrics']?.value ?? 0);
    expect(fixed).toMatchObject({ endpointHour: 2 * month, alarm: 4, metric, wafAcl: 1, wafRule: 3, kmsKey: 1 });
    const { usd: total } = estimate(
      dev,
      [{ Resources: resources }],
      family,
      asked,
      only({ endpointHour: 1, kmsKey: 10 }),
    );
    expect(total).toBeCloseTo(2 * month + 10);
  });
});

describe('routing', () => {
  test('never costs more than always the largest variant', () => {
    const some = fc.subarray([...family.catalog.findings], { minLength: 1 });
    fc.assert(
      fc.property(some, fc.nat(1e9), (findings, readings) => {
        const { billedUsd, usedUsd } = savingOf(prod, mixOf(family, findings, 5), { ...demand, readings }, prices);
        expect(usedUsd).toBeGreaterThanOrEqual(-1e-6);
        expect(billedUsd).toBeGreaterThanOrEqual(-1e-6);
      }),
      { numRuns: 50 },
    );
  });
  const effusion = mixOf(family, ['Effusion']);
  test('saves nothing on the bill while the minimum of tasks has time for all films', () => {
    const { billedUsd, usedUsd } = savingOf(prod, effusion, demand, prices);
    expect(usedUsd).toBeGreaterThan(0);
    expect(billedUsd).toBe(0);
  });
  test('saves on the bill where films need more tasks than the minimum', () => {
    const many = { ...demand, readings: 1e9, jobs: 0, decodeMs: 0 };
    expect(savingOf(prod, effusion, many, prices).billedUsd).toBeGreaterThan(0);
  });
  test('has no GPU time without a measurement or an assumption, and scales an assumption by the CPU ratio', () => {
    expect(effusion.gpu).toBeUndefined();
    const { gpu, cpu } = mixOf(family, ['Effusion'], 10);
    expect(gpu).toEqual({ routed: (10 * cpu.routed) / cpu.largest, largest: 10 });
  });
  test('does not count the decoding of the catalog, because the demand has its own', () => {
    const variants = family.catalog.variants.map((variant) => {
      const cost = { ...variant.cost, decodeMs: { cpu: variant.resolution / 100 } };
      return { ...variant, cost };
    });
    expect(mixOf({ ...family, catalog: { ...family.catalog, variants } }, ['Effusion']).cpu).toEqual({
      routed: expect.closeTo(effusion.cpu.routed),
      largest: expect.closeTo(effusion.cpu.largest),
    });
  });
  test('names an unknown finding', () => {
    expect(() => mixOf(family, ['Scoliosis'])).toThrow(/unknown_finding.*Scoliosis.*Atelectasis/);
  });
});

describe('prices.md', () => {
  test('each line of the bill says whether its price is verified, and the sum of the others is reported', () => {
    const { lines, usd, unverifiedUsd } = estimate(prod, [], family, asked, prices);
    const verified = lines.filter((line) => line.verified);
    expect(verified.length).toBeGreaterThan(0);
    expect(unverifiedUsd).toBeGreaterThan(0);
    expect(unverifiedUsd).toBeCloseTo(usd - verified.reduce((sum, line) => sum + line.usd, 0));
  });
  test('a price without date, source or page is rejected', () => {
    const row = '| kmsKey | 1 | key-month | yes | 2026-11-23 | AWS | https://aws.amazon.com/kms/pricing/ |';
    expect(parsePrices(row)).toHaveProperty('kmsKey.value', 1);
    for (const cell of ['2026-11-23', 'AWS ', 'https://aws.amazon.com/kms/pricing/'])
      expect(() => parsePrices(row.replace(cell, ''))).toThrow('kmsKey');
  });
  test('a missing price is named', () => {
    const { logsGb: _, ...rest } = prices;
    expect(() => estimate(prod, [], family, asked, rest)).toThrow('logsGb');
  });
});

test('an hour of a thread costs its vCPU and its share of the memory of the task', () => {
  const rates = only({ fargateVcpu: 0.04, fargateGb: 0.005 });
  // 2 vCPU and 4 GiB: 0.08 and 0.02 per hour.
  expect(threadHourUsd({ ...dev.api, size: 'medium' }, rates)).toBeCloseTo(0.05, 9);
  // 4 vCPU and 8 GiB cost twice as much, and have twice as many threads.
  expect(threadHourUsd({ ...dev.api, size: 'large' }, rates)).toBeCloseTo(0.05, 9);
  expect(threadHourUsd({ ...dev.api, size: 'small' }, rates)).toBeCloseTo(0.055, 9);
});
