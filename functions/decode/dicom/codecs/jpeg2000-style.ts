/** The size of an image or of one tile, and its number of tiles. */
export type Grid = {
  readonly width: number;
  readonly height: number;
  readonly tilesAcross: number;
  readonly tilesDown: number;
};

/** The parameters of a coding style (ITU-T T.800, A.6.1 and A.6.2). */
export type CodingStyle = {
  /** Number of layers; undefined for the style of a component, which uses the layers of the default style. */
  readonly layers: number | undefined;
  /** Precinct exponents per resolution: the width in the low four bits, the height in the high four bits. */
  readonly precincts: readonly number[];
  /** The reversible wavelet transform 5-3, not 9-7. */
  readonly isReversible: boolean;
};

/** Default precinct size 2¹⁵ (T.800, table A.21). */
const largestPrecinct = 0xff;
const maxLevels = 32;

/** The default coding style in the segment at `at`; undefined if the segment is malformed. */
export const defaultStyle = (view: DataView, at: number): CodingStyle | undefined =>
  styleAt(view, at, at + 4, at + 9, (parameters) => view.getUint16(parameters - 3));

/** The coding style of one component. With more than 256 components, the component index has two bytes. */
export function componentStyle(view: DataView, at: number, components: number): CodingStyle | undefined {
  const flags = at + 4 + (components < 257 ? 1 : 2);
  return styleAt(view, at, flags, flags + 1, () => undefined);
}

function styleAt(
  view: DataView,
  at: number,
  flags: number,
  parameters: number,
  layers: (parameters: number) => number | undefined,
): CodingStyle | undefined {
  const end = at + 2 + view.getUint16(at + 2);
  if (end > view.byteLength || end < parameters + 5) return undefined;
  const levels = view.getUint8(parameters);
  const hasPrecincts = (view.getUint8(flags) & 1) !== 0;
  if (levels > maxLevels || (hasPrecincts && end < parameters + 6 + levels)) return undefined;
  return {
    layers: layers(parameters),
    precincts: Array.from({ length: levels + 1 }, (_, resolution) =>
      hasPrecincts ? view.getUint8(parameters + 5 + resolution) : largestPrecinct,
    ),
    isReversible: view.getUint8(parameters + 4) === 1,
  };
}

/** Upper limit of the packets of a style. A packet is one layer of one precinct in one resolution (T.800, B.6). */
export function maxPacketsOf({ precincts }: CodingStyle, layers: number, grid: Grid): number {
  const { width, height, tilesAcross, tilesDown } = grid;
  const counts = precincts.map((exponents, resolution) => {
    const scale = 2 ** (precincts.length - 1 - resolution);
    const across = Math.ceil(width / scale / 2 ** (exponents & 0x0f)) + tilesAcross;
    const down = Math.ceil(height / scale / 2 ** (exponents >> 4)) + tilesDown;
    return across * down;
  });
  return layers * counts.reduce((sum, count) => sum + count, 0);
}
