import type { Quality } from '../core/catalog.ts';

/** The result of the input gate for a film. */
export type GateResult = {
  /** Softmax score of the accepted class, in [0, 1]. */
  readonly score: number;
  /** The class with the highest score, or `unfamiliar` if the features are too far from those of the training films. */
  readonly looksLike: string;
  readonly accepted: boolean;
};

/** Evaluate the `gate` output of a variant's graph: one logit per class, then the feature distance. */
export function evaluateGate(output: Float32Array, quality: Quality, variant: string): GateResult {
  const limits = quality.limits[variant];
  const logits = output.subarray(0, quality.classes.length);
  const distance = output[quality.classes.length];
  if (!limits || distance === undefined) throw new Error(`the gate of ${variant} does not fit the catalog`);
  const highest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exps = Array.from(logits, (value) => Math.exp(value - highest));
  const sum = exps.reduce((a, b) => a + b, 0);
  const score = (exps[quality.classes.indexOf(quality.accept)] ?? 0) / sum;
  const strongest = quality.classes[exps.indexOf(1)] ?? quality.accept;
  // A NaN must refuse the film. `distance > maxDistance` is false for NaN, so do not invert this comparison.
  const isFamiliar = distance <= limits.maxDistance;
  const accepted = isFamiliar && score >= limits.minScore;
  const looksLike = !isFamiliar && strongest === quality.accept ? 'unfamiliar' : strongest;
  return { score, looksLike, accepted };
}
