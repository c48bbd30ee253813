/** The films of one finding with the scores of two variants. */
export type Pair = {
  /** Whether each film has the finding. */
  readonly positive: readonly boolean[];
  /** Films with equal numbers belong to one patient. */
  readonly patients: readonly number[];
  readonly scores: readonly number[];
  readonly reference: readonly number[];
};

export type Difference = {
  readonly auroc: number;
  readonly reference: number;
  readonly difference: number;
  /** Standard error of the difference. */
  readonly error: number;
  readonly ci95: readonly [number, number];
};

/** The 97.5th percentile of the normal distribution. */
const z975 = 1.959963984540054;

export const method =
  "difference of two AUROCs on the same films, with DeLong's components summed by patient (Obuchowski, Biometrics 1997;53:567); normal 95 % interval";

/** The paired difference in AUROC, `scores` minus `reference`; undefined with fewer than two patients of a class. */
export function pairedDifference({ positive, patients, scores, reference }: Pair): Difference | undefined {
  const ours = components(scores, positive);
  const theirs = components(reference, positive);
  const positives = positive.filter(Boolean).length;
  const negatives = positive.length - positives;
  const difference = ours.area - theirs.area;

  // Per patient: the contribution of its films with and without the finding to the deviation from the mean difference.
  const sums = new Map<number, { with: number; without: number; films: [number, number] }>();
  positive.forEach((has, i) => {
    const patient = patients[i] ?? -1;
    const sum = sums.get(patient) ?? { with: 0, without: 0, films: [0, 0] };
    const pull = (ours.values[i] ?? 0) - (theirs.values[i] ?? 0) - difference;
    if (has) sum.with += pull;
    else sum.without += pull;
    sum.films[has ? 0 : 1]++;
    sums.set(patient, sum);
  });
  const all = [...sums.values()];
  const sick = all.filter(({ films }) => films[0] > 0).length;
  const well = all.filter(({ films }) => films[1] > 0).length;
  if (sick < 2 || well < 2) return undefined;

  const total = (of: (sum: (typeof all)[number]) => number) => all.reduce((sum, one) => sum + of(one), 0);
  const variance =
    ((sick / (sick - 1)) * total((sum) => sum.with ** 2)) / positives ** 2 +
    ((well / (well - 1)) * total((sum) => sum.without ** 2)) / negatives ** 2 +
    (2 * (all.length / (all.length - 1)) * total((sum) => sum.with * sum.without)) / (positives * negatives);
  const error = Math.sqrt(Math.max(variance, 0));
  return {
    auroc: ours.area,
    reference: theirs.area,
    difference,
    error,
    ci95: [difference - z975 * error, difference + z975 * error],
  };
}

/**
 * AUROC, and the component of each film: the share of films of the other class that it ranks correctly against; ties count half. By
 * mid-ranks (Sun and Xu, IEEE Signal Processing Letters 2014;21:1389).
 */
export function components(scores: readonly number[], positive: readonly boolean[]) {
  const positives = positive.filter(Boolean).length;
  const negatives = positive.length - positives;
  const among = midRanks(scores);
  const amongPositives = midRanks(scores.filter((_, i) => positive[i]));
  const amongNegatives = midRanks(scores.filter((_, i) => !positive[i]));
  let p = 0;
  let n = 0;
  const values = positive.map((has, i) =>
    has
      ? ((among[i] ?? 0) - (amongPositives[p++] ?? 0)) / negatives
      : 1 - ((among[i] ?? 0) - (amongNegatives[n++] ?? 0)) / positives,
  );
  const area = values.reduce((sum, value, i) => (positive[i] ? sum + value : sum), 0) / positives;
  return { area, values };
}

/** Ranks from 1. Equal scores share their mean rank. */
function midRanks(scores: readonly number[]): number[] {
  const order = scores.map((score, at) => ({ score, at })).sort((a, b) => a.score - b.score);
  const ranks = new Array<number>(scores.length).fill(0);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to + 1 < order.length && order[to + 1]?.score === order[from]?.score) to++;
    for (let k = from; k <= to; k++) ranks[order[k]?.at ?? -1] = (from + to) / 2 + 1;
    from = to + 1;
  }
  return ranks;
}
