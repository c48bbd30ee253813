import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CatalogError } from '../../functions/models/catalog-error.ts';
import { schemas } from '../../functions/models/export-schema.ts';
import { loadFamily } from '../../functions/models/load.ts';
import { catalogOf, compared, head, policyOf, variant } from '../support/family.ts';

let models: string;
beforeEach(() => {
  models = mkdtempSync(join(tmpdir(), 'alara-models-'));
  mkdirSync(join(models, 'test'));
  mkdirSync(join(models, 'policies'));
});
afterEach(() => rmSync(models, { recursive: true }));

type Json = Record<string, unknown>;

const good = () =>
  catalogOf(
    [variant('r256', 256, 10, { Mass: head(0.7) }), variant('r512', 512, 40, { Mass: head(0.8) })],
    [compared('Mass', 'r256', 'r512', -0.1, [-0.2, 0])],
  );

/** Write a family with model files of one byte each, after `change` has edited the JSON of the catalog. */
function write(
  change: (catalog: Json & { variants: Json[] }) => void = () => {},
  policy: unknown = policyOf({}, { auroc: 0.5, bound: 'lower' }),
) {
  const catalog = JSON.parse(JSON.stringify(good()));
  change(catalog);
  writeFileSync(join(models, 'test', 'catalog.json'), JSON.stringify(catalog, null, 2));
  writeFileSync(join(models, 'test', 'policy.json'), JSON.stringify(policy, null, 2));
  for (const name of ['r256.onnx', 'r512.onnx']) writeFileSync(join(models, 'test', name), 'x');
}

const load = () => loadFamily(models, 'test');

/** Set the value at a dotted path. */
function set(target: unknown, path: string, value: unknown) {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce<unknown>((at, key) => (at as Json)[key], target);
  (parent as Json)[last] = value;
}

describe('a family', () => {
  test('that is valid loads with its digests, its own policies and the shared ones', () => {
    write();
    cpSync('models/policies/sabottke-spieler-2020.json', join(models, 'policies', 'published.json'));
    const text = JSON.parse(readFileSync(join(models, 'policies', 'published.json'), 'utf8'));
    writeFileSync(join(models, 'policies', 'published.json'), JSON.stringify({ ...text, rules: {} }));
    const family = load();
    expect(Object.keys(family.policies)).toEqual(['test', 'sabottke-spieler-2020']);
    expect(family.ownPolicy).toBe('test');
    mkdirSync(join(models, 'test', 'policies'));
    const cheapest = {
      ...policyOf({}, { minResolution: 256, evidence: 'notShown', source: 'films' }),
      name: 'cheapest',
    };
    writeFileSync(join(models, 'test', 'policies', 'cheapest.json'), JSON.stringify(cheapest));
    expect(Object.keys(load().policies)).toEqual(['test', 'cheapest', 'sabottke-spieler-2020']);
    expect(family.digest).toBe(
      createHash('sha256')
        .update(readFileSync(join(models, 'test', 'catalog.json')))
        .digest('hex'),
    );
  });

  test('that does not exist is refused, and the error lists the families', () => {
    write();
    expect(() => loadFamily(models, 'tset')).toThrow(/tset.*does not exist\. Families in .*: test\./);
    expect(() => loadFamily(join(models, 'nowhere'), 'test')).toThrow('There is no family');
  });

  test.each([
    ['variants.0.heads.Mass.auroc.value', 0.9, 'the interval does not contain its value'],
    ['variants.1.heads.Mass.auroc.ci95', [0.9, 0.7], 'the lower end of an interval is above its upper end'],
    [
      'variants.1.heads.Mass.operatingPoints.balanced.threshold',
      0.7,
      'the threshold lies outside its indeterminate band',
    ],
    [
      'variants.1.heads.Mass.operatingPoints.balanced.specificity.value',
      0.9,
      'the interval does not contain its value',
    ],
    ['variants.1.heads.Mass.operatingPoints', { best: {} }, 'unknown key best'],
    ['variants.1.heads.Mass.operatingPoints', {}, 'has no operating point'],
    ['variants.1.heads.Mass.operatingPoints', undefined, 'needs either operatingPoints or threshold'],
    ['variants.0.heads.Gout', head(0.7), 'a head for Gout, which is not among the findings'],
    ['variants.0.heads.Mass.calibration', { method: 'isotonic', x: [0, 1], y: [0.4, 0.2] }, 'x and y must rise'],
    ['variants.1.id', 'r256', 'variant r256 is listed twice'],
    ['variants.0.sha256', 'abc', 'expected 64 hexadecimal digits'],
    ['variants.0.file', '../escape.onnx', 'expected the name of an .onnx file beside the catalog'],
    ['variants.0.cost.ms.cpu', 0, 'expected more than 0'],
    ['variants.0.cost.ms', { cuda: 1 }, 'no device has a measured cost for every variant'],
    ['variants.0.cost.decodeMs', { cpu: 1 }, 'has no decodeMs: measure all variants with alara catalog measure'],
    ['findings', ['Mass', 'Mass'], 'a finding is listed twice'],
    ['comparisons.0.ci95', [-0.05, 0], 'the interval does not contain its value'],
    ['comparisons.0.reference', 'r999', 'unknown variant r999'],
    ['comparisons.0.variant', 'r998', 'unknown variant r998'],
    ['comparisons.0.finding', 'Gout', 'unknown finding Gout'],
    ['simulated', { Gout: { minResolution: 448, source: 'a study' } }, 'unknown finding Gout'],
    ['quality.accept', 'lateral', 'lateral is not a class of the gate'],
    ['quality.limits', {}, 'the input gate has no limits for variant r256'],
  ])('with a wrong %s is refused, and the error names the line', (path, value, message) => {
    write((catalog) => set(catalog, path, value));
    const text = readFileSync(join(models, 'test', 'catalog.json'), 'utf8');
    let caught: unknown;
    try {
      load();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(CatalogError);
    const found = /catalog\.json:(\d+): ([^:]*): (.*)/.exec((caught as Error).message);
    expect(found?.[3]).toContain(message);
    // The named line has the last key of the named path, or an element of its array.
    const line = text.split('\n')[Number(found?.[1]) - 1] ?? '';
    const key = found?.[2]?.split('.').findLast((part) => Number.isNaN(Number(part))) ?? '';
    expect(line.includes(`"${key}"`) || /^\s*[[{"\d]/.test(line)).toBe(true);
    expect(Number(found?.[1])).toBeGreaterThan(1);
  });

  /** A head as version 0.1.0 wrote it: one threshold without a name. */
  const threshold = { value: 0.5, low: 0.4, high: 0.6, sensitivity: 0.7, specificity: 0.8, method: 'Youden' };
  const ofEarlierVersion = (catalog: Json) =>
    ['variants.0', 'variants.1'].forEach((at) => {
      set(catalog, `${at}.heads.Mass.operatingPoints`, undefined);
      set(catalog, `${at}.heads.Mass.threshold`, threshold);
    });

  test('of an earlier version loads: its threshold is the operating point balanced, without intervals', () => {
    write(ofEarlierVersion);
    for (const { heads } of load().catalog.variants) {
      expect(heads['Mass']).not.toHaveProperty('threshold');
      expect(heads['Mass']?.operatingPoints).toEqual({
        balanced: {
          ...{ threshold: 0.5, low: 0.4, high: 0.6, method: 'Youden' },
          ...{ sensitivity: { value: 0.7 }, specificity: { value: 0.8 } },
        },
      });
    }
  });

  test('with a policy whose operating point a head lacks is refused', () => {
    const policy = policyOf({}, { auroc: 0.5, bound: 'lower' });
    write(undefined, { ...policy, operatingPoint: 'sensitive' });
    expect(load).toThrow(
      /policy\.json:\d+: r256 has no operating point sensitive for Mass; name one that every head has/,
    );
    write(undefined, { ...policy, operatingPoint: 'balanced' });
    expect(load().policies['test']?.operatingPoint).toBe('balanced');
    write(undefined, { ...policy, operatingPoint: 'youden' });
    expect(load).toThrow('expected specific or balanced or sensitive');
  });

  test('with a model file that is missing or has another size is refused', () => {
    write();
    rmSync(join(models, 'test', 'r512.onnx'));
    expect(load).toThrow(/catalog\.json:\d+: variant r512: its file r512\.onnx is missing/);
    writeFileSync(join(models, 'test', 'r512.onnx'), 'xx');
    expect(load).toThrow('r512.onnx has 2 bytes, but the catalog says 1');
  });

  test('with more variants than an exact search can handle is refused', () => {
    write((catalog) => {
      catalog.variants = Array.from({ length: 17 }, (_, i) => ({ ...catalog.variants[0], id: `v${i}` }));
      set(catalog, 'comparisons', []);
      set(
        catalog,
        'quality.limits',
        Object.fromEntries(catalog.variants.map(({ id }) => [id, { minScore: 0.5, maxDistance: 1 }])),
      );
    });
    expect(load).toThrow('the router searches exactly, up to 16 variants');
  });

  test.each<[string, unknown]>([
    ['variants.0.resolution', 4097],
    ['variants.0.resolution', 100_000],
    ['variants.0.resolution', 1e300],
    ['variants.0.bytes', 1_000_000_001],
    ['variants.0.bytes', Number.MAX_SAFE_INTEGER],
    ['findings', Array.from({ length: 201 }, (_, i) => `finding ${i}`)],
    ['findings', ['x'.repeat(101)]],
    ['quality.classes', Array.from({ length: 101 }, (_, i) => `class ${i}`)],
  ])('with memory beyond its limit through %s is refused', (path, value) => {
    write((catalog) => set(catalog, path, value));
    expect(load).toThrow(new RegExp(`catalog\\.json:\\d+: ${path.replaceAll('.', '\\.')}`));
  });

  test('with a catalog that is too long is refused before it is read, and so is a folder in its place', () => {
    write();
    const path = join(models, 'test', 'catalog.json');
    // Sparse: the file takes no space on the disk, but would fill the memory.
    truncateSync(path, 8_000_000_000);
    expect(load).toThrow('catalog.json has 8000000000 bytes');
    rmSync(path);
    mkdirSync(path);
    expect(load).toThrow(/is not a file/);
  });

  test('that is not JSON is refused', () => {
    write();
    writeFileSync(join(models, 'test', 'catalog.json'), '{ "family": ');
    expect(load).toThrow(/catalog\.json is not JSON/);
  });
});

describe('a policy', () => {
  test.each([
    [
      policyOf({ Gout: { auroc: 0.5, bound: 'lower' } }, { auroc: 0.5, bound: 'lower' }),
      /policy\.json:\d+: a rule for Gout, which test does not read/,
    ],
    [policyOf({}), /no rule for Mass; add one, or a rule named otherwise/],
    [{ ...policyOf({}), rules: { Mass: { auroc: 0.5, margin: 0.1 } } }, /policy\.json:\d+: rules\.Mass/],
    [{ ...policyOf({}), rules: { Mass: { minResolution: 448 } } }, /policy\.json:\d+: rules\.Mass/],
  ])('that does not match is refused: %#', (policy, message) => {
    write(undefined, policy);
    expect(load).toThrow(message);
  });

  test('that is missing, or has a name twice, is refused', () => {
    write();
    writeFileSync(join(models, 'policies', 'twin.json'), readFileSync(join(models, 'test', 'policy.json')));
    expect(load).toThrow('two policies are named test');
    rmSync(join(models, 'test', 'policy.json'));
    expect(load).toThrow(/policy\.json does not exist/);
  });

  test('of Sabottke and Spieler routes nodules to 448 and emphysema to 512', () => {
    const policy = JSON.parse(readFileSync('models/policies/sabottke-spieler-2020.json', 'utf8'));
    expect(policy.rules.Nodule).toMatchObject({ minResolution: 448, evidence: 'published' });
    expect(policy.rules.Emphysema).toMatchObject({ minResolution: 512, evidence: 'published' });
    expect(policy.otherwise).toMatchObject({ minResolution: 320, evidence: 'published' });
  });
});

test.each(Object.entries(schemas))('models/schema/%s equals the zod schema (npm run schema)', (name, schema) => {
  expect(JSON.parse(readFileSync(join('models/schema', name), 'utf8'))).toEqual(JSON.parse(JSON.stringify(schema)));
});
