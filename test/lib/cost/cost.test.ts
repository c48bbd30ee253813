import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadFamily } from '../../../functions/models/load.ts';
import { type Asked, estimate } from '../../../lib/cost/estimate.ts';
import { mixOf } from '../../../lib/cost/film.ts';
import { countIn, type Holdings, holdingsOf } from '../../../lib/cost/holdings.ts';
import { monthHours, periodsOf, taskHours } from '../../../lib/cost/hours.ts';
import { monthOf } from '../../../lib/cost/month.ts';
import { PriceError, PriceTable, priceOf, readPrices } from '../../../lib/cost/prices.ts';
import { inText } from '../../../lib/cost/print.ts';
import { savingOf } from '../../../lib/cost/saving.ts';
import { volumeOf, worthwhile } from '../../../lib/cost/volume.ts';
import { environmentNamed } from '../../../lib/environments.ts';

const root = join(import.meta.dirname, '../../..');
const family = loadFamily(join(root, 'models'), 'chest14');
const dated = readPrices(join(root, 'lib/cost/prices.json'));
const nothing: Holdings = {
  ...{ endpointZones: 0, natGateways: 0, publicIps: 0, balancers: 0, webAcls: 0, webAclRules: 0 },
  ...{ keys: 0, secrets: 0, machineClients: 0, alarmMetrics: 0, logMetrics: 0, dashboards: 0 },
};
const asked = { readings: 100_000, jobs: 0.5, filmMb: 6.2, decodeMs: 202, gpuMs: 5, findings: [] } satisfies Asked;
const prod = environmentNamed('prod');
const dev = environmentNamed('dev');

/** Everything is free but what is named. */
const table = (each: Readonly<Record<string, number>>) =>
  PriceTable.parse({
    ...{ region: 'eu-central-1', currency: 'USD', date: '2026-11-23' },
    prices: Object.fromEntries(
      Object.entries(dated.prices).map(([name, price]) => [name, { ...price, each: each[name] ?? 0 }]),
    ),
  });

describe('hours', () => {
  test('idle hours keep fewer tasks', () => {
    const { busy, idle } = periodsOf({ idle: { from: 20, to: 6, timeZone: 'UTC', api: 2, worker: 0 } }, 1, 0);
    expect(busy.hours).toBeCloseTo((monthHours * 14) / 24);
    expect(busy.min).toBe(1);
    expect(idle.min).toBe(0);
    expect(idle.hours + busy.hours).toBeCloseTo(monthHours);
  });
  const always = periodsOf({}, 0, undefined);
  const load = { films: 10, ms: 0, places: 1, target: 1, max: 2, lingerHours: 0.5 };
  test('a task that nothing keeps is billed for what it does and lingers', () => {
    expect(taskHours(always, load).billed).toBeCloseTo(5);
    expect(taskHours(always, { ...load, films: 1e6 }).billed).toBeCloseTo(monthHours);
  });
  test('one film of an hour on two places, meant to be half busy, is an hour', () => {
    expect(taskHours(always, { ...load, films: 1, ms: 3.6e6, places: 2, target: 0.5, lingerHours: 0 }).billed).toBe(1);
  });
  test('more than all tasks can do is billed as all tasks, and said', () => {
    const { billed, enough } = taskHours(always, { ...load, films: 1e6, ms: 3.6e6 });
    expect(billed).toBeCloseTo(2 * monthHours);
    expect(enough).toBe(false);
  });
});

describe('month', () => {
  const mix = mixOf(family, 'all', family.catalog.findings, 5);
  test('a processor that costs 1 an hour: dev keeps one task of one processor', () => {
    const month = monthOf(dev, nothing, mix, { ...asked, readings: 0 }, table({ fargateVcpu: 1 }));
    expect(month.total).toBeCloseTo(monthHours);
  });
  test('calls are paid by the million', () => {
    const inline = { ...asked, readings: 2e6, jobs: 0 };
    expect(monthOf(dev, nothing, mix, inline, table({ apiRequests: 3 })).total).toBeCloseTo(6);
  });
  test('the fee of Managed Instances is a share of the instance', () => {
    const free = monthOf(prod, nothing, mix, asked, table({ gpuT4: 2 })).total;
    expect(monthOf(prod, nothing, mix, asked, table({ gpuT4: 2, managedFee: 0.1 })).total).toBeCloseTo(1.1 * free);
  });
  test('ECS takes the cheapest of the listed instances', () => {
    const { running } = monthOf(prod, nothing, mix, asked, table({ gpuT4: 3, gpuL4: 1, gpuA10g: 2 }));
    expect(running.map(({ gpu }) => gpu)).toEqual([undefined, 'l4']);
  });
  test('what stands there is paid by the hour or the month', () => {
    const holdings = { ...nothing, endpointZones: 3, keys: 4 };
    const { total } = monthOf(dev, holdings, mix, { ...asked, readings: 0 }, table({ endpointHour: 1, kmsKey: 10 }));
    expect(total).toBeCloseTo(3 * monthHours + 40);
  });
  test.each(['dev', 'staging', 'prod'])('%s never costs less for more readings', (name) => {
    const environment = environmentNamed(name);
    const cost = (readings: number) => monthOf(environment, nothing, mix, { ...asked, readings }, dated).total;
    fc.assert(
      fc.property(fc.nat(1e9), fc.nat(1e9), (a, b) => cost(Math.min(a, b)) <= cost(Math.max(a, b)) + 1e-6),
      { numRuns: 50 },
    );
  });
});

describe('routing', () => {
  const some = fc.subarray([...family.catalog.findings], { minLength: 1 });
  test('is never dearer than always the largest', () => {
    fc.assert(
      fc.property(some, fc.nat(1e9), (findings, readings) => {
        const saving = savingOf(prod, mixOf(family, 'some', findings, 5), { ...asked, readings }, dated);
        expect(saving.ofInference).toBeGreaterThanOrEqual(0);
        expect(saving.byUse).toBeGreaterThanOrEqual(-1e-6);
        expect(saving.billed).toBeGreaterThanOrEqual(-1e-6);
      }),
      { numRuns: 50 },
    );
  });
  const effusion = mixOf(family, 'Effusion', ['Effusion']);
  test('saves nothing on the bill while the tasks that are kept have time', () => {
    const saving = savingOf(prod, effusion, asked, dated);
    expect(saving.byUse).toBeGreaterThan(0);
    expect(saving.billed).toBe(0);
  });
  test('saves on the bill where films need more tasks than are kept', () => {
    const many = { ...asked, readings: 1e9, jobs: 0, decodeMs: 0 };
    const saving = savingOf(prod, effusion, many, dated);
    expect(saving.billed).toBeGreaterThan(0);
  });
  test.each(['dev', 'staging', 'prod'])(
    '%s: saves on the bill from a volume on that is named, and not below',
    (name) => {
      const environment = environmentNamed(name);
      const saved = (readings: number) => savingOf(environment, effusion, { ...asked, readings }, dated).billed;
      const { from = 0, upTo } = volumeOf(environment, effusion, asked, dated);
      expect(saved(from)).toBeGreaterThanOrEqual(worthwhile);
      expect(saved(from - 1)).toBeLessThan(worthwhile);
      for (const share of [0.01, 0.1, 0.5, 0.9]) expect(saved(from * share)).toBeLessThan(worthwhile);
      expect(from).toBeLessThan(upTo);
      const all = estimate(environment, nothing, family, { ...asked, findings: ['Effusion'] }, dated);
      expect(inText(all, dated)).toContain(`from ${Number(all.savings[0]?.volume.from?.toPrecision(2))} readings on`);
    },
  );
  test('never saves where the largest is the cheapest that is good enough, and says so', () => {
    const emphysema = mixOf(family, 'Emphysema', ['Emphysema']);
    expect(emphysema.variants).toEqual([emphysema.largest]);
    expect(volumeOf(prod, emphysema, asked, dated).from).toBeUndefined();
    const all = estimate(prod, nothing, family, { ...asked, findings: ['Emphysema'] }, dated);
    expect(inText(all, dated)).toMatch(/Nor does it below \d+, which is all/);
  });
  test('on a GPU nobody measured is unknown without an assumption, and by the ratio of the processor with one', () => {
    expect(effusion.gpu).toBeUndefined();
    const { gpu, cpu } = mixOf(family, 'Effusion', ['Effusion'], 10);
    expect(gpu).toEqual({ routed: (10 * cpu.routed) / cpu.largest, largest: 10 });
  });
  test('names an unknown finding', () => {
    expect(() => mixOf(family, 'x', ['Scoliosis'])).toThrow(/Scoliosis: unknown_finding\. Known: Atelectasis/);
  });
});

describe('prices', () => {
  const text = (prices: PriceTable) => inText(estimate(prod, nothing, family, asked, prices), prices);
  test('each unverified price of the bill is listed, and a verified one is not', () => {
    const listed = text(dated).split('Unverified prices')[1] ?? '';
    expect(listed).toContain(`gpuT4: ${priceOf(dated, 'gpuT4').restsOn}`);
    expect(listed).not.toContain('fargateVcpu');
    const { restsOn: _, ...checked } = priceOf(dated, 'gpuT4');
    const prices = { ...dated, prices: { ...dated.prices, gpuT4: { ...checked, verified: true } } };
    expect(text(prices).split('Unverified prices')[1]).not.toContain('gpuT4');
  });
  test('the total says how much of it rests on them', () => {
    const { month, atUnverified } = estimate(prod, nothing, family, asked, dated);
    const checked = month.lines.filter(({ name }) => priceOf(dated, name).verified);
    expect(atUnverified).toBeGreaterThan(0);
    expect(atUnverified).toBeCloseTo(month.total - checked.reduce((sum, { cost }) => sum + cost, 0));
    expect(text(dated)).toContain(`of which ${atUnverified.toFixed(2)} at unverified prices`);
  });
  test('an unverified price must say what it rests on', () => {
    const { restsOn: _, ...bare } = priceOf(dated, 'gpuT4');
    expect(PriceTable.safeParse({ ...dated, prices: { gpuT4: bare } }).success).toBe(false);
  });
  test('one that is missing is named', () => {
    expect(() => priceOf({ ...dated, prices: {} }, 'albHour')).toThrow(/eu-central-1, 2026-11-23, has no albHour/);
    expect(() => readPrices('/nowhere.json')).toThrow(PriceError);
  });
  test('another region is said', () => {
    expect(text({ ...dated, region: 'us-east-1' })).toContain('The prices are of us-east-1');
  });
});

test('templates are counted', () => {
  const holdings = countIn([
    {
      Resources: {
        A: { Type: 'AWS::EC2::VPCEndpoint', Properties: { VpcEndpointType: 'Interface', SubnetIds: ['a', 'b'] } },
        B: { Type: 'AWS::EC2::VPCEndpoint', Properties: { VpcEndpointType: 'Gateway' } },
        C: { Type: 'AWS::CloudWatch::Alarm', Properties: { Metrics: [{ MetricStat: {} }, { Expression: 'x' }] } },
        D: { Type: 'AWS::CloudWatch::Alarm', Properties: { MetricName: 'x' } },
        E: { Type: 'AWS::WAFv2::WebACL', Properties: { Rules: [{}, {}, {}] } },
        // Scaling by a target makes two alarms that stand in no template.
        F: { Type: 'AWS::ApplicationAutoScaling::ScalingPolicy', Properties: { PolicyType: 'TargetTrackingScaling' } },
        G: { Type: 'AWS::ApplicationAutoScaling::ScalingPolicy', Properties: { PolicyType: 'StepScaling' } },
        H: { Type: 'AWS::Logs::MetricFilter', Properties: { MetricTransformations: [{ MetricName: 'x' }] } },
        I: { Type: 'AWS::Logs::MetricFilter', Properties: { MetricTransformations: [{ MetricName: 'x' }] } },
      },
    },
  ]);
  const expected = { endpointZones: 2, alarmMetrics: 4, logMetrics: 1, webAcls: 1, webAclRules: 3 };
  expect(holdings).toEqual({ ...nothing, ...expected });
});

test('the templates of dev and prod hold what their settings say', { timeout: 60_000 }, () => {
  const [small, large] = [dev, prod].map(holdingsOf);
  expect(small).toMatchObject({ natGateways: 1, endpointZones: 0, balancers: 1, webAcls: 1, secrets: 1 });
  expect(large).toMatchObject({ natGateways: 0, balancers: 1, webAcls: 1, secrets: 1 });
  expect(large?.endpointZones).toBeGreaterThanOrEqual(12);
});

describe('npm run cost', () => {
  const cost = (...args: string[]) =>
    promisify(execFile)(process.execPath, [join(root, 'lib/cost/main.ts'), ...args]).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  test('names the environments there are', { timeout: 60_000 }, async () => {
    const { code, stderr } = await cost('--env', 'test', '--readings', '1');
    expect(code).toBe(1);
    expect(stderr).toContain('--env test: no such environment. Known: dev, staging, prod.');
  });
  test('answers as JSON', { timeout: 60_000 }, async () => {
    const { stdout } = await cost('--env', 'dev', '--readings', '1000', '--findings', 'Nodule,Effusion', '--json');
    const made = JSON.parse(stdout);
    expect(made.asked.findings).toEqual(['Effusion', 'Nodule']);
    const sum = made.month.lines.reduce((total: number, { cost }: { cost: number }) => total + cost, 0);
    expect(made.month.total).toBeCloseTo(sum);
    expect(made.unverified.length).toBeGreaterThan(0);
  });
});
