import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Catalog } from '../../functions/core/catalog.ts';
import { loadFamily } from '../../functions/models/load.ts';
import {
  costsFile,
  hostCosts,
  type MeasuredCosts,
  storeCosts,
  withCosts,
  writeCosts,
} from '../../functions/models/measured-costs.ts';
import { catalogOf, head, policyOf, variant } from '../support/family.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'alara-costs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A family of two variants, in a catalog with this indentation. */
function family(indent: number | string = 1) {
  const models = join(folder, 'models');
  mkdirSync(join(models, 'test'), { recursive: true });
  const catalog = catalogOf([
    variant('r256', 256, 10, { Mass: head(0.7) }),
    variant('r512', 512, 40, { Mass: head(0.8) }),
  ]);
  writeFileSync(join(models, 'test', 'catalog.json'), `${JSON.stringify(catalog, null, indent)}\n`);
  writeFileSync(join(models, 'test', 'policy.json'), JSON.stringify(policyOf({}, { auroc: 0.5, bound: 'lower' })));
  for (const name of ['r256.onnx', 'r512.onnx']) writeFileSync(join(models, 'test', name), 'x');
  return loadFamily(models, 'test');
}

const costsOf = ({ digest }: ReturnType<typeof family>, device = 'cpu'): MeasuredCosts => ({
  ...{
    family: 'test',
    catalog: `sha256:${digest}`,
    device,
    measuredOn: 'a processor, 2026-11-30',
    film: 'a film',
    rounds: 3,
  },
  variants: { r256: { decodeMs: 1.5, ms: 4.25 }, r512: { decodeMs: 2, ms: 9 } },
});

describe('the costs of a host', () => {
  test('are used for the catalog and the device that were measured', () => {
    const loaded = family();
    const data = join(folder, 'new', 'data');
    expect(hostCosts(data, loaded, 'cpu')).toEqual({});
    expect(storeCosts(data, costsOf(loaded))).toBe(costsFile(data));
    expect(hostCosts(data, loaded, 'cpu')).toEqual({ costs: costsOf(loaded) });
    // Nothing else stays, and other users cannot change plans.
    expect(readdirSync(data)).toEqual(['costs.json']);
    if (process.platform !== 'win32') expect(statSync(costsFile(data)).mode & 0o777).toBe(0o600);
  });

  const catalog = `sha256:${'0'.repeat(64)}`;
  test.each<[string, (costs: MeasuredCosts) => unknown, RegExp]>([
    ['another catalog', (costs) => ({ ...costs, catalog }), /measured for another catalog of test\./],
    ['another device', (costs) => ({ ...costs, device: 'cuda' }), /those of cuda, and the models run on cpu\./],
    [
      'a missing variant',
      ({ variants: { r256 }, ...costs }) => ({ ...costs, variants: { r256 } }),
      /no cost of r512\./,
    ],
    [
      'a cost of 0',
      (costs) => ({ ...costs, variants: { r256: { ms: 0, decodeMs: 1 } } }),
      /r256\.ms is wrong: .*more than 0/,
    ],
    ['an unknown key', (costs) => ({ ...costs, more: 1 }), /unknown key more/],
    ['another form', () => [], /expected/],
  ])('with %s are ignored, and the problem says what to do', (_, change, words) => {
    const loaded = family();
    writeFileSync(costsFile(folder), JSON.stringify(change(costsOf(loaded))));
    const { costs, problem } = hostCosts(folder, loaded, 'cpu');
    expect(costs).toBeUndefined();
    expect(problem).toMatch(words);
    expect(problem).toMatch(/costs\.json is ignored, .*\. Run alara catalog measure again, or delete the file\.$/);
  });

  test('in a file that is cut short or is a folder are ignored', () => {
    const loaded = family();
    writeFileSync(costsFile(folder), JSON.stringify(costsOf(loaded)).slice(0, 50));
    expect(hostCosts(folder, loaded, 'cpu').problem).toContain('it is not JSON');
    rmSync(costsFile(folder));
    mkdirSync(costsFile(folder));
    expect(hostCosts(folder, loaded, 'cpu').problem).toContain('costs.json is ignored');
  });
});

/** A catalog without the costs of its variants. */
const withoutCosts = (text: string) => text.replaceAll(/"cost": \{[^{}]*(\{[^{}]*\}[^{}]*)*\}/g, '');

describe('costs in a catalog', () => {
  test.each([[1], [2], ['\t']])('replace those of one device, and nothing else changes (indentation %j)', (indent) => {
    const loaded = family(indent);
    const path = join(loaded.folder, 'catalog.json');
    const before = readFileSync(path, 'utf8');
    expect(writeCosts(loaded, costsOf(loaded))).toBe(path);
    const first = readFileSync(path, 'utf8');
    expect(withoutCosts(first)).toBe(withoutCosts(before));
    const indentOf = (text: string, key: string) => new RegExp(`\n([ \t]*)"${key}"`).exec(text)?.[1];
    expect(indentOf(first, 'decodeMs')).toBe(indentOf(first, 'ms'));
    const again = loadFamily(join(folder, 'models'), 'test');
    expect(again.catalog.variants.map(({ cost }) => cost)).toEqual([
      { gmacs: 1, ms: { cpu: 4.25 }, decodeMs: { cpu: 1.5 }, measuredOn: { cpu: 'a processor, 2026-11-30' } },
      { gmacs: 1, ms: { cpu: 9 }, decodeMs: { cpu: 2 }, measuredOn: { cpu: 'a processor, 2026-11-30' } },
    ]);
    writeCosts(again, costsOf(again, 'cuda'));
    const second = readFileSync(path, 'utf8');
    expect(withoutCosts(second)).toBe(withoutCosts(before));
    expect(Catalog.parse(JSON.parse(second)).variants[0]?.cost).toMatchObject({
      ms: { cpu: 4.25, cuda: 4.25 },
      decodeMs: { cpu: 1.5, cuda: 1.5 },
    });
    expect(readdirSync(loaded.folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('keep the line ends of the file', () => {
    const loaded = family(2);
    const text = readFileSync(join(loaded.folder, 'catalog.json'), 'utf8').replaceAll('\n', '\r\n');
    expect(withCosts(text, costsOf(loaded)).replaceAll('\r\n', '')).not.toContain('\n');
  });

  test('are not written over a catalog that changed meanwhile', () => {
    const loaded = family();
    const path = join(loaded.folder, 'catalog.json');
    writeFileSync(path, `${readFileSync(path, 'utf8')} `);
    expect(() => writeCosts(loaded, costsOf(loaded))).toThrow('changed during the measurement. Nothing was written');
  });
});
