import type { Catalog, Comparison, Head, OperatingPoint, Policy, Rule, Variant } from '../../functions/core/catalog.ts';
import type { RouteRequest } from '../../functions/routing/cheapest-plan.ts';

/** An operating point with a band of 0.1 to both sides of its threshold. */
const point = (threshold: number, sensitivity: number, specificity: number): OperatingPoint => ({
  threshold,
  low: threshold - 0.1,
  high: threshold + 0.1,
  sensitivity: { value: sensitivity, ci95: [sensitivity - 0.1, sensitivity + 0.1] },
  specificity: { value: specificity, ci95: [specificity - 0.1, specificity + 0.1] },
  method: 'a test',
});

/** A head with an AUROC and its interval, and default values for the rest. */
export const head = (value: number, low = value - 0.02, high = value + 0.02): Head => ({
  auroc: { value, ci95: [low, high], positives: 50, negatives: 950, protocol: 'crossValidated' },
  calibration: { method: 'platt', slope: 1, intercept: 0 },
  operatingPoints: { specific: point(0.7, 0.3, 0.9), balanced: point(0.5, 0.7, 0.7) },
  prevalence: 0.05,
});

export const variant = (
  id: string,
  resolution: number,
  cpuMs: number,
  heads: Record<string, Head>,
  decodeMs?: number,
): Variant => ({
  id,
  resolution,
  precision: 'fp32',
  file: `${id}.onnx`,
  sha256: '0'.repeat(64),
  bytes: 1,
  input: { channels: 1, mean: 0.5, std: 0.25, kernel: 'lanczos3', fit: 'contain' },
  cost: {
    gmacs: 1,
    ms: { cpu: cpuMs },
    ...(decodeMs !== undefined && { decodeMs: { cpu: decodeMs } }),
    measuredOn: { cpu: 'a test' },
  },
  heads,
});

export function catalogOf(variants: Variant[], comparisons: Comparison[] = []): Catalog {
  const findings = [...new Set(variants.flatMap(({ heads }) => Object.keys(heads)))];
  return {
    family: 'test',
    findings,
    provenance: {
      dataset: 'none',
      films: 1000,
      patients: 900,
      splitDigest: '0'.repeat(64),
      codeRevision: 'none',
      date: '2026-11-23',
      licence: 'none',
      citation: 'none',
      acknowledgement: 'none',
      link: 'https://example.org',
    },
    variants,
    comparisons,
    quality: {
      classes: ['frontal', 'other'],
      accept: 'frontal',
      limits: Object.fromEntries(variants.map(({ id }) => [id, { minScore: 0.5, maxDistance: 10 }])),
      falseRefusals: [],
      passUnderShift: [],
      catches: [],
      notMeasured: [],
    },
  };
}

export const policyOf = (rules: Record<string, Rule>, otherwise?: Rule): Policy => ({
  name: 'test',
  description: 'a test',
  rules,
  ...(otherwise && { otherwise }),
});

export const compared = (
  finding: string,
  v: string,
  reference: string,
  difference: number,
  ci95: [number, number],
): Comparison => ({
  finding,
  variant: v,
  reference,
  difference,
  ci95,
  protocol: 'crossValidated',
});

export const ask = (...findings: string[]): RouteRequest => ({ findings, minAuroc: {}, bestEffort: false });

/** The value of a result. A fault fails the test and is printed. */
export function unwrap<Value>(result: { ok: true; value: Value } | { ok: false; fault: unknown }): Value {
  if (result.ok) return result.value;
  throw new Error(`expected a value, received ${JSON.stringify(result.fault)}`);
}

/** The fault of a result. A value fails the test. */
export function faultOf<Failure>(result: { ok: true; value: unknown } | { ok: false; fault: Failure }): Failure {
  if (!result.ok) return result.fault;
  throw new Error('expected a fault, received a value');
}
