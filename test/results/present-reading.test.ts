import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { FindingResult, Reading } from '../../functions/core/reading.ts';
import { ReadingView } from '../../functions/core/reading-view.ts';
import { accuracy, presentReading, summarizeReading } from '../../functions/results/present-reading.ts';
import { filmSummary, likelihoodRatioOf } from '../../functions/results/summary.ts';
import { router } from '../support/real-engine.ts';

/** A reading that version 0.1.0 made and stored. */
const old: Reading = JSON.parse(readFileSync('test/results/reading-of-0.1.0.json', 'utf8'));
const { family } = router;

test('a reading that version 0.1.0 stored matches the schema of today', () => {
  const view = presentReading({ ...old, catalog: `sha256:${family.digest}` }, family);
  expect(ReadingView.parse(view)).toEqual(JSON.parse(JSON.stringify(view)));
  expect(view.family).toMatchObject({
    name: 'chest14',
    version: expect.stringMatching(/^\d{4}-\d\d-\d\d\+[0-9a-f]{12}$/),
  });
  expect(view.findings.map(({ displayName, code }) => [displayName, code?.code])).toEqual([
    ['Pleural effusion', '60046008'],
    ['Nodule', '27925004'],
    ['Hernia', undefined],
  ]);
  for (const { finding, variant, operatingPoint, auroc } of view.findings) {
    const head = family.catalog.variants.find(({ id }) => id === variant)?.heads[finding];
    expect(operatingPoint).toMatchObject({
      name: 'balanced',
      sensitivity: head?.operatingPoints.balanced?.sensitivity.value,
      specificity: head?.operatingPoints.balanced?.specificity.value,
    });
    expect(operatingPoint).not.toHaveProperty('value');
    const [low, high] = old.findings.find((stored) => stored.finding === finding)?.auroc.ci95 ?? [];
    expect(auroc.ci95).toEqual({ low, high });
  }
});

test('a reading of an unknown catalog has no family and no sensitivity, and nothing in their place', () => {
  const view = presentReading({ ...old, catalog: `sha256:${'0'.repeat(64)}` }, family);
  expect(JSON.parse(JSON.stringify(view))).not.toHaveProperty('family');
  for (const { operatingPoint } of view.findings) expect(Object.keys(operatingPoint)).toEqual(['name', 'low', 'high']);
});

test('predictive values follow from sensitivity, specificity and prevalence', () => {
  // Of 1000 films, 100 have the finding: 80 are called present. Of the 900 others, 90 are called present.
  expect(accuracy(0.8, 0.9, 0.1)).toEqual({
    ...{ sensitivity: 0.8, specificity: 0.9 },
    ...{ positivePredictiveValue: 0.4706, negativePredictiveValue: 0.9759 },
  });
  expect(accuracy(0, 1, 0.1)).toEqual({ sensitivity: 0, specificity: 1, negativePredictiveValue: 0.9 });
  expect(accuracy(undefined, 0.9, 0.1)).toEqual({});
});

const result = (finding: string, call: FindingResult['call'], probability: number): FindingResult => ({
  ...(old.findings[0] as FindingResult),
  ...{ finding, call, probability, threshold: { value: 0.5, low: 0.4, high: 0.6 } },
});

test('ranks present findings first, then indeterminate ones, then absent ones, each by descending likelihood ratio', () => {
  const findings = [
    result('Nodule', 'absent', 0.1),
    result('Mass', 'present', 0.7),
    result('Edema', 'absent', 0.3),
    result('Fibrosis', 'indeterminate', 0.5),
    result('Effusion', 'present', 0.9),
  ];
  const reading = { ...old, findings };
  expect(presentReading(reading, family).findings.map(({ finding, rank }) => [finding, rank])).toEqual([
    ['Nodule', 5],
    ['Mass', 2],
    ['Edema', 4],
    ['Fibrosis', 3],
    ['Effusion', 1],
  ]);
  expect(summarizeReading(reading).findings.map(({ displayName }) => displayName)).toEqual([
    ...['Pleural effusion', 'Mass', 'Fibrosis', 'Pulmonary edema', 'Nodule'],
  ]);
});

test('a film is summarized by the findings above their thresholds, or by the statement that there is none', () => {
  const point = { ...(family.catalog.variants[0]?.heads['Mass']?.operatingPoints.specific ?? expect.fail()) };
  const at = (finding: FindingResult): FindingResult => ({
    ...finding,
    operatingPoint: { name: 'specific', ...point, prevalence: 0.1 },
  });
  const summaryOf = (...findings: FindingResult[]) => filmSummary({ ...old, findings: findings.map(at) });
  const [absent, unsure, present, clear] = [
    { ...result('Mass', 'absent', 0.2), likelihoodRatio: 0.8 },
    { ...result('Nodule', 'indeterminate', 0.5), likelihoodRatio: 1.25 },
    { ...result('Edema', 'present', 0.7), likelihoodRatio: 3.21 },
    { ...result('Effusion', 'present', 0.6), likelihoodRatio: 21.4 },
  ] as const;
  expect(summaryOf(absent, unsure, present, clear)).toEqual({
    requested: 4,
    present: ['Effusion', 'Edema'],
    indeterminate: ['Nodule'],
    text: '2 of the 4 requested findings exceed their thresholds at the operating point specific: Pleural effusion (likelihood ratio 21), Pulmonary edema (3.2). Indeterminate: Nodule (likelihood ratio 1.3).',
  });
  expect(summaryOf(absent, present).text).toMatch(/^1 of the 2 requested findings exceeds its threshold at/);
  expect(summaryOf(absent, { ...absent, finding: 'Hernia' }).text).toBe(
    'None of the 2 requested findings exceeds its threshold at the operating point specific.',
  );
  expect(summaryOf(absent).text).toBe(
    'The requested finding does not exceed its threshold at the operating point specific.',
  );
  expect(summaryOf({ ...clear, likelihoodRatio: 1e7 }).text).toMatch(/^The requested finding exceeds .*ratio >1000\)/);
});

test('a reading of an earlier version is summarized as well: its likelihood ratios follow from its probabilities', () => {
  expect(filmSummary(old).text).toMatch(/requested findings exceed.* at the operating point balanced: /);
  for (const result of old.findings)
    expect(likelihoodRatioOf(result)).toBeCloseTo(
      (result.probability / (1 - result.probability)) * ((1 - result.prevalence) / result.prevalence),
    );
});

test('the summary of all findings takes less than 2 KiB, whatever the calls', () => {
  const findings = family.catalog.findings.map((finding) => ({
    ...result(finding, 'indeterminate', 0.012345678),
    threshold: { value: 0.0123456, low: 0.0112345, high: 0.0134567 },
  }));
  expect(findings).toHaveLength(14);
  const summary = summarizeReading({ ...old, findings });
  expect(summary.summary.text).toBe(
    'None of the 14 requested findings exceeds its threshold at the operating point balanced.',
  );
  const text = JSON.stringify(summary);
  expect(Buffer.byteLength(text)).toBeLessThan(2048);
});
