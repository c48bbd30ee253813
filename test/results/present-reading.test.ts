import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { FindingResult, Reading } from '../../functions/core/reading.ts';
import { ReadingView } from '../../functions/core/reading-view.ts';
import { accuracy, presentReading, summarizeReading } from '../../functions/results/present-reading.ts';
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
      sensitivity: head?.threshold.sensitivity,
      specificity: head?.threshold.specificity,
    });
    expect(operatingPoint).not.toHaveProperty('value');
    expect(auroc.ci95).toEqual({ low: head?.auroc.ci95[0], high: head?.auroc.ci95[1] });
  }
});

test('a reading of an unknown catalog has no family and no sensitivity, and nothing in their place', () => {
  const view = presentReading({ ...old, catalog: `sha256:${'0'.repeat(64)}` }, family);
  expect(JSON.parse(JSON.stringify(view))).not.toHaveProperty('family');
  for (const { operatingPoint } of view.findings) expect(Object.keys(operatingPoint)).toEqual(['low', 'high']);
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

test('ranks present findings first, then indeterminate ones, then absent ones, each by the distance above the limits', () => {
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

test('the summary of all findings takes less than 2 kB, whatever the calls', () => {
  const findings = family.catalog.findings.map((finding) => ({
    ...result(finding, 'indeterminate', 0.012345678),
    threshold: { value: 0.0123456, low: 0.0112345, high: 0.0134567 },
  }));
  expect(findings).toHaveLength(14);
  const text = JSON.stringify(summarizeReading({ ...old, findings }));
  expect(Buffer.byteLength(text)).toBeLessThan(2000);
});
