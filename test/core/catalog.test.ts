import { expect, test } from 'vitest';
import { Catalog } from '../../functions/core/catalog.ts';
import { catalogContent } from '../../functions/core/catalog-view.ts';
import { Scores } from '../../functions/models/release/scores.ts';
import { catalogOf, head, variant } from '../support/family.ts';

const catalog = catalogOf([variant('r256', 256, 10, { Edema: head(0.8), Mass: head(0.7) })]);
const leftOut = (finding: string) => ({
  finding,
  reason: `${finding} is not above chance.`,
  auroc: { r256: head(0.5, 0.44, 0.56).auroc },
});

test('a catalog lists each finding that it omits once, and omits none of its findings', () => {
  expect(Catalog.safeParse(catalog).success).toBe(true);
  expect(Catalog.parse({ ...catalog, notServed: [leftOut('Hernia')] }).notServed).toEqual([leftOut('Hernia')]);
  for (const notServed of [
    [leftOut('Mass')],
    [leftOut('Hernia'), leftOut('Hernia')],
    [{ ...leftOut('Hernia'), reason: '' }],
    [{ finding: 'Hernia' }],
  ])
    expect(Catalog.safeParse({ ...catalog, notServed }).success).toBe(false);
});

test('a catalog has one logit per rank, and no logits without ranks', () => {
  const base64 = (bytes: number) => Buffer.alloc(bytes).toString('base64');
  const scores = {
    schema: 'alara.scores/1',
    family: 'test',
    protocol: 'heldOut',
    films: ['0'.repeat(16), '1'.repeat(16)],
    patients: [0, 1],
    labels: { Mass: '01' },
    width: 16,
    ranks: { r256: { Mass: base64(4) } },
  };
  expect(Scores.safeParse(scores).success).toBe(true);
  expect(Scores.parse({ ...scores, logits: { r256: { Mass: base64(8) } } }).logits).toBeDefined();
  expect(Scores.safeParse({ ...scores, logits: { r256: { Mass: base64(4) } } }).success).toBe(false);
  expect(Scores.safeParse({ ...scores, logits: { r320: { Mass: base64(8) } } }).success).toBe(false);
});

test('a catalog shows its curve of AUROC against resolution with named ends of intervals', () => {
  const parts = {
    bySide: { '64': { value: 0.6, ci95: [0.5, 0.7] }, '256': { value: 0.7, ci95: [0.6, 0.8] } },
    againstReference: { '64': { value: -0.1, ci95: [-0.2, -0.01] } },
  };
  const resolutionCurve = {
    what: 'A network per size.',
    films: 90,
    patients: 60,
    sidesPx: [64, 256],
    referencePx: 256,
    mean: { ...parts, withinStrata: parts },
    findings: { Mass: parts },
  };
  const shown = catalogContent(Catalog.parse({ ...catalog, resolutionCurve })).resolutionCurve;
  expect(shown?.mean.withinStrata?.againstReference['64']).toEqual({ value: -0.1, ci95: { low: -0.2, high: -0.01 } });
  expect(shown?.findings['Mass']?.bySide['256']?.ci95).toEqual({ low: 0.6, high: 0.8 });
  for (const spoilt of [
    { ...resolutionCurve, sidesPx: [64] },
    { ...resolutionCurve, sidesPx: [64, 320] },
    { ...resolutionCurve, referencePx: 320 },
    { ...resolutionCurve, mean: { ...parts, againstReference: { '64': { value: 0.3, ci95: [-0.2, -0.01] } } } },
    { ...resolutionCurve, mean: { ...parts, bySide: { small: { value: 0.6, ci95: [0.5, 0.7] } } } },
    { ...resolutionCurve, mean: { ...parts, bySide: { '64': { value: 0.6, ci95: [0.7, 0.5] } } } },
  ])
    expect(Catalog.safeParse({ ...catalog, resolutionCurve: spoilt }).success).toBe(false);
});
