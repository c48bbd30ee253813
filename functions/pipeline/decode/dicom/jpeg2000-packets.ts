/** A codestream's image and how many tiles it is cut into. */
export type Grid = {
  readonly width: number;
  readonly height: number;
  readonly tilesAcross: number;
  readonly tilesDown: number;
};

/** Precincts of 2¹⁵ where a coding style names none (ITU-T T.800, table A.21). */
const largestPrecinct = 0xff;

/**
 * At most how many packets, each one resolution of one precinct in one layer, the coding style at `at` makes
 * (T.800, A.6.1 and B.6); none where it cannot be used.
 */
export function packets(view: DataView, at: number, { width, height, tilesAcross, tilesDown }: Grid): number {
  const end = at + 2 + view.getUint16(at + 2);
  if (end > view.byteLength || end < at + 14) return 0;
  const precincts = (view.getUint8(at + 4) & 1) !== 0;
  const layers = view.getUint16(at + 6);
  const levels = view.getUint8(at + 9);
  if (levels > 32 || (precincts && end < at + 15 + levels)) return 0;
  let count = 0;
  for (let resolution = 0; resolution <= levels; resolution++) {
    const exponents = precincts ? view.getUint8(at + 14 + resolution) : largestPrecinct;
    const scale = 2 ** (levels - resolution);
    const across = Math.ceil(width / scale / 2 ** (exponents & 0x0f)) + tilesAcross;
    const down = Math.ceil(height / scale / 2 ** (exponents >> 4)) + tilesDown;
    count += across * down;
  }
  return count * layers;
}
