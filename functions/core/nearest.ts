/** The known name that is most similar to a misspelt one, for a suggestion. Undefined where none is similar. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const plain = simplified(name);
  if (plain.length < 2) return undefined;
  const ranked = known
    .map((candidate) => ({ candidate, distance: distanceTo(plain, simplified(candidate)) }))
    .toSorted((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best && best.distance <= Math.max(1, plain.length / 3) ? best.candidate : undefined;
}

/** Names are compared without case, spaces and punctuation. */
const simplified = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/** Longer names are not compared, because the distance costs the product of both lengths. */
const longest = 64;

/** The edit distance, or 1 if one name contains the other one: "Pleural effusion" is near "Effusion". */
function distanceTo(name: string, candidate: string): number {
  if (name.length > longest || candidate.length > longest) return Number.POSITIVE_INFINITY;
  if (name === candidate) return 0;
  if (candidate.length > 3 && name.length > 3 && (name.includes(candidate) || candidate.includes(name))) return 1;
  return editDistance(name, candidate);
}

/** The least number of inserted, deleted, replaced and transposed letters (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let earlier: number[] = [];
  let before = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const at = (line: readonly number[], column: number) => line[column] ?? Number.POSITIVE_INFINITY;
      let least = Math.min(at(before, j) + 1, at(row, j - 1) + 1, at(before, j - 1) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, at(earlier, j - 2) + 1);
      row.push(least);
    }
    earlier = before;
    before = row;
  }
  return before[b.length] ?? Number.POSITIVE_INFINITY;
}
