import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderObjects } from '../../../functions/models/store/folder.ts';
import { alara, family, films, folder, serve, until } from '../../support/cli.ts';
import { publishUnchecked, retrained } from '../../support/published.ts';

const ids = family.catalog.variants.map(({ id }) => id);
const rounds = ['--rounds', '2'];
const plan = async (environment: Record<string, string>) => {
  const { stdout, stderr } = await alara(['route', '--findings', 'Nodule', '--json'], environment);
  expect(stderr).toBe('');
  return JSON.parse(stdout).plan;
};

test('measures every variant with the bundled film, and the router uses the result', async () => {
  const environment = { ALARA_DATA: folder() };
  const before = await plan(environment);
  expect(before).not.toHaveProperty('decodeMs');
  const { code, stdout } = await alara(['catalog', 'measure', ...rounds], environment);
  expect(code).toBe(0);
  for (const id of ids) expect(stdout).toMatch(new RegExp(`^${id}( +\\d+\\.\\d){3} +\\d+\\.\\d\\d$`, 'm'));
  expect(stdout).toMatch(/Measured on cpu: .*onnxruntime/);

  const costs = JSON.parse(readFileSync(join(environment.ALARA_DATA, 'costs.json'), 'utf8'));
  expect(costs).toMatchObject({
    ...{ catalog: `sha256:${family.digest}`, device: 'cpu', rounds: 2 },
    film: 'bundled film: PNG of 1024 × 1024 px with 8 bits',
  });
  expect(Object.keys(costs.variants)).toEqual(ids);
  // The film is decoded once per resolution, so the variants of a resolution share the measurement.
  for (const { id, resolution } of family.catalog.variants)
    expect(costs.variants[id].decodeMs).toBe(costs.variants[`r${resolution}-int8`].decodeMs);

  const after = await plan(environment);
  const [{ id, costMs }] = after.variants;
  expect(after).toMatchObject({
    ...{ costDevice: 'cpu', costMeasuredOn: costs.measuredOn, decodeMs: costs.variants[id].decodeMs },
    costMs: expect.closeTo(costs.variants[id].ms + costs.variants[id].decodeMs, 2),
  });
  expect(costMs).toBe(costs.variants[id].ms);
  const shown = await alara(['catalog', 'show', '--json'], environment);
  expect(JSON.parse(shown.stdout)).toMatchObject({ costSource: 'host', costMeasuredOn: costs.measuredOn });
  const doctor = await alara(['doctor'], environment);
  expect(doctor.stdout.replaceAll(/\s+/g, ' ')).toContain('costs of cpu measured on this host');
});

test('measures with a film of the caller, without its name in the result', async () => {
  const [film = ''] = films;
  const { code, stdout } = await alara(['catalog', 'measure', film, ...rounds, '--json'], { ALARA_DATA: folder() });
  expect(code).toBe(0);
  const measured = JSON.parse(stdout);
  expect(measured.film).toMatch(/^own film: PNG of \d+ × \d+ px with 8 bits$/);
  expect(measured.variants.map((row: { id: string }) => row.id)).toEqual(ids);
  for (const { decodeMs, ms, totalMs } of measured.variants) expect(totalMs).toBeCloseTo(decodeMs + ms, 1);
  const largest = measured.variants.find(({ id }: { id: string }) => id === measured.largest);
  expect(largest.costVsLargest).toBe(1);
});

test('--write changes the costs of this device in the catalog, and not one other byte', async () => {
  const [models, data] = [retrained(), folder()];
  const path = join(models, family.catalog.family, 'catalog.json');
  writeFileSync(path, readFileSync(join(family.folder, 'catalog.json')));
  const environment = { ALARA_MODELS: models, ALARA_DATA: data };
  const { code, stdout } = await alara(['catalog', 'measure', '--write', ...rounds], environment);
  expect([code, stdout]).toEqual([0, expect.stringContaining('publish the family')]);
  const [before, after] = [readFileSync(join(family.folder, 'catalog.json'), 'utf8'), readFileSync(path, 'utf8')];
  const rest = (text: string) => text.replaceAll(/"cost": \{[^{}]*(\{[^{}]*\}[^{}]*)*\}/g, '');
  expect(rest(after)).toBe(rest(before));
  for (const { cost } of JSON.parse(after).variants)
    expect(cost).toMatchObject({
      decodeMs: { cpu: expect.any(Number) },
      measuredOn: { cpu: expect.stringContaining('bundled film') },
    });
  expect(await plan(environment)).toMatchObject({ decodeMs: expect.any(Number) });
  expect((await alara(['catalog', 'verify'], environment)).code).toBe(0);
});

test('measures the family that a channel of a store names, and --write is refused there', async () => {
  const store = folder();
  await publishUnchecked(folderObjects(store), 'models');
  const environment = { ALARA_MODELS: `file://${store}`, ALARA_CHANNEL: 'canary', ALARA_DATA: folder() };
  const refused = await alara(['catalog', 'measure', '--write'], environment);
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringMatching(/is a store, .*Name the folder of the family/),
  ]);
  const { code } = await alara(['catalog', 'measure', ...rounds], environment);
  expect(code).toBe(0);
  const costs = JSON.parse(readFileSync(join(environment.ALARA_DATA, 'costs.json'), 'utf8'));
  expect(costs.catalog).toBe(`sha256:${family.digest}`);
});

test.each([
  [['--rounds', '0'], /whole number from 1 to/],
  [['/nowhere/film.png'], /film\.png: The file cannot be read/],
  [['package.json'], /not an image/i],
])('%j is a usage error', async (args, words) => {
  const { code, stdout, stderr } = await alara(['catalog', 'measure', ...args], { ALARA_DATA: folder() });
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(words)]);
});

test('a damaged file of costs does not stop the service, which says what to do', async () => {
  const data = folder();
  writeFileSync(join(data, 'costs.json'), '{ "family": ');
  const { url, said } = await serve({ ALARA_DATA: data, ALARA_LOG: 'warn' });
  const { costs } = await (await fetch(`${url}/v1/catalog`)).json();
  expect(costs).toMatchObject({ source: 'catalog', device: 'cpu' });
  await until(() => said().includes('measured_costs_ignored'));
  expect(said()).toMatch(/costs\.json is ignored, because it is not JSON.*Run alara catalog measure again/);
  const { code, stderr } = await alara(['route'], { ALARA_DATA: data });
  expect([code, stderr]).toEqual([0, expect.stringContaining('costs.json is ignored')]);
});

test('a service on a device without costs in the catalog says that its costs are those of another device', async () => {
  const { said } = await serve({ ALARA_DEVICE: 'cuda', ALARA_LOG: 'warn' });
  await until(() => said().includes('costs_of_another_device'));
  expect(said()).toMatch(/run on cuda, .*costs of cpu only.*Run alara catalog measure/);
  const { stdout } = await alara(['doctor'], { ALARA_DEVICE: 'cuda', ALARA_DATA: folder() });
  expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(
    /costs of cpu from the catalog .*Run alara catalog measure on this host/,
  );
});
