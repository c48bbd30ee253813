import type { Quality } from '../core/catalog.ts';

/** The verdict of the input gate on a film. */
export type Gate = {
  /** Softmax score of the accepted class, in [0, 1]. */
  readonly score: number;
  /** The class with the highest score; `unfamiliar` when the features lie too far from any training film. */
  readonly looksLike: string;
  readonly accepted: boolean;
};

/** Evaluate the `gate` output of a variant's graph: one logit per class, then the feature distance. */
export function gate(output: Float32Array, quality: Quality, variant: string): Gate {
  const limits = quality.limits[variant];
  const logits = output.subarray(0, quality.classes.length);
  const distance = output[quality.classes.length];
  if (!limits || distance === undefined) throw new Error(`the gate of ${variant} does not fit the catalog`);
  const highest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exps = Array.from(logits, (value) => Math.exp(value - highest));
  const sum = exps.reduce((a, b) => a + b, 0);
  const score = (exps[quality.classes.indexOf(quality.accept)] ?? 0) / sum;
  const strongest = quality.classes[exps.indexOf(1)] ?? quality.accept;
  // A NaN must refuse the film, so the comparison is "within the limit" rather than "beyond the limit".
  const near = distance <= limits.maxDistance;
  const accepted = near && score >= limits.minScore;
  const unfamiliar = !near && strongest === quality.accept;
  return { score, looksLike: unfamiliar ? 'unfamiliar' : strongest, accepted };
}
