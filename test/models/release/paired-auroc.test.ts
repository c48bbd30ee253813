import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadFamily } from '../../../functions/models/load.ts';
import { compareFamilies, type Measured, scoresFault } from '../../../functions/models/release/compare.ts';
import { components, pairedDifference } from '../../../functions/models/release/paired-auroc.ts';
import { ranksOf, Scores } from '../../../functions/models/release/scores.ts';

const family = loadFamily('models', 'chest14');
const scores = Scores.parse(JSON.parse(readFileSync('models/chest14/scores.json', 'utf8')));
const evaluation = JSON.parse(readFileSync('models/chest14/evaluation.json', 'utf8'));

type Row = {
  finding: string;
  variant: string;
  reference: string;
  difference: number;
  error: number;
  delongCi95: [number, number];
};

const pairOf = ({ finding, variant, reference }: Row) => ({
  positive: [...(scores.labels[finding] ?? '')].map((label) => label === '1'),
  patients: scores.patients,
  scores: ranksOf(scores, variant, finding) ?? [],
  reference: ranksOf(scores, reference, finding) ?? [],
});

/** Films with at least two of each class: two scores, the finding and the patient. */
const films = fc
  .array(fc.record({ a: fc.integer({ min: 0, max: 9 }), b: fc.integer({ min: 0, max: 9 }), patient: fc.nat(20) }), {
    minLength: 4,
    maxLength: 40,
  })
  .map((rows) => rows.map((row, i) => ({ ...row, has: i % 3 === 0 })));

describe('the AUROC and its components', () => {
  test('are the fractions of correctly ordered pairs, with ties as half', () => {
    fc.assert(
      fc.property(films, (rows) => {
        const positive = rows.map(({ has }) => has);
        const { area, values } = components(
          rows.map(({ a }) => a),
          positive,
        );
        const win = (up: number, down: number) => (up > down ? 1 : up === down ? 0.5 : 0);
        const mean = (list: number[]) => list.reduce((sum, one) => sum + one, 0) / list.length;
        const [sick, well] = [rows.filter(({ has }) => has), rows.filter(({ has }) => !has)];
        expect(area).toBeCloseTo(mean(sick.flatMap((s) => well.map((w) => win(s.a, w.a)))), 10);
        rows.forEach((row, i) => {
          const share = row.has ? mean(well.map((w) => win(row.a, w.a))) : mean(sick.map((s) => win(s.a, row.a)));
          expect(values[i]).toBeCloseTo(share, 10);
        });
      }),
    );
  });
});

describe('a paired difference', () => {
  test('is negated with its interval when the two models are swapped, and zero for a model against itself', () => {
    fc.assert(
      fc.property(films, (rows) => {
        const pair = {
          positive: rows.map(({ has }) => has),
          patients: rows.map(({ patient }) => patient),
          scores: rows.map(({ a }) => a),
          reference: rows.map(({ b }) => b),
        };
        const there = pairedDifference(pair);
        const back = pairedDifference({ ...pair, scores: pair.reference, reference: pair.scores });
        if (!there || !back) {
          expect(there).toEqual(back);
          return;
        }
        expect(there.difference).toBeCloseTo(-back.difference, 10);
        expect(there.ci95[0]).toBeCloseTo(-back.ci95[1], 10);
        const same = pairedDifference({ ...pair, reference: pair.scores });
        expect(same?.ci95.map(Math.abs)).toEqual([0, 0]);
      }),
      { numRuns: 50 },
    );
  });

  const rows: Row[] = evaluation.comparisons;
  // Every seventh is enough, and covers all findings and variants.
  const some = rows.filter((_, i) => i % 7 === 0);

  test('equals that of the evaluation, and its error equals that of the resampled patients', () => {
    const ratios = some.map((row) => {
      const found = pairedDifference(pairOf(row));
      expect(found?.difference).toBeCloseTo(row.difference, 5);
      return (found?.error ?? 0) / row.error;
    });
    const mean = ratios.reduce((sum, one) => sum + one, 0) / ratios.length;
    // 2000 resamples give an error of about 1.6 %, and the rarest findings have 27 films.
    expect(mean).toBeGreaterThan(0.96);
    expect(mean).toBeLessThan(1.04);
    for (const ratio of ratios) expect(Math.abs(ratio - 1)).toBeLessThan(0.2);
  });

  test("has DeLong's interval if every film has another patient", () => {
    for (const row of some) {
      const { ci95 } = pairedDifference({ ...pairOf(row), patients: scores.films.map((_, i) => i) }) ?? { ci95: [] };
      for (const end of [0, 1]) expect(ci95[end]).toBeCloseTo(row.delongCi95[end] ?? Number.NaN, 3);
    }
  });

  test('needs two patients per class', () => {
    const pair = { positive: [true, true, false, false], scores: [1, 2, 3, 4], reference: [1, 2, 3, 4] };
    expect(pairedDifference({ ...pair, patients: [1, 1, 2, 3] })).toBeUndefined();
    expect(pairedDifference({ ...pair, patients: [1, 4, 2, 3] })).toBeDefined();
  });
});

describe('the scores of the bundled family', () => {
  test('reproduce every AUROC in the catalog', () => {
    expect(scoresFault(family, scores)).toBeUndefined();
  });

  test('of another model are refused', () => {
    const [first, second] = family.catalog.variants;
    if (!first || !second) throw new Error('the family has eight variants');
    const swapped = { ...scores, ranks: { ...scores.ranks, [first.id]: scores.ranks['r512-fp32'] ?? {} } };
    expect(scoresFault(family, swapped)).toMatch(`scores.json gives ${first.id} an AUROC of`);
    const { [second.id]: _, ...rest } = scores.ranks;
    expect(scoresFault(family, { ...scores, ranks: rest })).toMatch(`no scores of ${second.id}`);
    expect(scoresFault(family, { ...scores, family: 'other' })).toMatch('of the family other');
  });

  test('that contradict themselves are refused', () => {
    expect(Scores.safeParse({ ...scores, patients: [1] }).success).toBe(false);
    expect(Scores.safeParse({ ...scores, width: 32 }).success).toBe(false);
    expect(Scores.safeParse({ ...scores, labels: { ...scores.labels, Mass: '01' } }).success).toBe(false);
    expect(Scores.safeParse({ ...scores, films: scores.films.map(() => scores.films[0]) }).success).toBe(false);
  });
});

describe('two families', () => {
  const served = Object.fromEntries(family.catalog.findings.map((finding) => [finding, 'r320-int8']));
  const measured: Measured = { family, scores, served };
  const margin = () => 0.02;

  test('that are equal have no difference, for any order of the films', () => {
    const order = scores.films.map((_, i) => (i * 5) % scores.films.length);
    expect(new Set(order).size).toBe(scores.films.length);
    const pick = <Value>(list: readonly Value[]) => order.map((i) => list[i] as Value);
    const turned: Scores = {
      ...scores,
      films: pick(scores.films),
      patients: pick(scores.patients),
      labels: Object.fromEntries(Object.entries(scores.labels).map(([f, text]) => [f, pick([...text]).join('')])),
      ranks: Object.fromEntries(
        Object.entries(scores.ranks).map(([variant, heads]) => [
          variant,
          Object.fromEntries(
            Object.keys(heads).map((f) => [
              f,
              Buffer.from(Uint16Array.from(pick(ranksOf(scores, variant, f) ?? [])).buffer).toString('base64'),
            ]),
          ),
        ]),
      ),
    };
    const compared = compareFamilies({ ...measured, scores: turned }, measured, () => 0);
    if (!compared.comparable) throw new Error(compared.problem);
    expect(compared.results).toHaveLength(8 * 14);
    expect(compared.results.filter(({ served }) => served)).toHaveLength(14);
    for (const { difference, withinMargin } of compared.results)
      expect([difference + 0, withinMargin]).toEqual([0, true]);
  });

  test('are compared at the lower end of the interval, also at the variants that serve', () => {
    const candidate = { ...measured, served: { ...served, Nodule: 'r256-fp32' } };
    const compared = compareFamilies(candidate, measured, margin);
    if (!compared.comparable) throw new Error(compared.problem);
    const crossed = compared.results.find(({ variant, reference }) => variant !== reference);
    expect(crossed).toMatchObject({ finding: 'Nodule', variant: 'r256-fp32', reference: 'r320-int8', served: true });
    expect(crossed?.withinMargin).toBe((crossed?.ci95[0] ?? 0) >= -0.02);
    expect(compared.results).toHaveLength(8 * 14 + 1);
  });

  test.each<[string, Partial<Scores>, RegExp]>([
    ['protocol', { protocol: 'heldOut' }, /protocol heldOut/],
    ['films', { films: scores.films.map((film, i) => (i === 3 ? '0123456789abcdef' : film)) }, /1 of 1399 are missing/],
    [
      'labels',
      { labels: { ...scores.labels, Mass: `1${scores.labels['Mass']?.slice(1)}` } },
      /Mass differs on 1 films/,
    ],
  ])('with other %s are not compared', (_, change, problem) => {
    const compared = compareFamilies({ ...measured, scores: { ...scores, ...change } }, measured, margin);
    expect(compared).toMatchObject({ comparable: false, problem: expect.stringMatching(problem) });
  });

  test('are not compared if the candidate has fewer findings', () => {
    const catalog = { ...family.catalog, findings: family.catalog.findings.slice(1) };
    const compared = compareFamilies({ ...measured, family: { ...family, catalog } }, measured, margin);
    expect(compared).toMatchObject({ comparable: false, problem: expect.stringContaining('no longer reads') });
  });
});
