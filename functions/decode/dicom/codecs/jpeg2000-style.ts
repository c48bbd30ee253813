/** A codestream's image, or one of its tiles, and how many tiles it is cut into. */
export type Grid = {
  readonly width: number;
  readonly height: number;
  readonly tilesAcross: number;
  readonly tilesDown: number;
};

/** What a coding style says of how samples are cut up and transformed (ITU-T T.800, A.6.1 and A.6.2). */
export type CodingStyle = {
  /** Undefined for the style of a component, which has the layers of the default one. */
  readonly layers: number | undefined;
  /** Precinct exponents of each resolution: width in the low half, height in the high one. */
  readonly precincts: readonly number[];
  /** The wavelets that can be undone exactly: 5-3, not 9-7. */
  readonly reversible: boolean;
};

/** Precincts of 2¹⁵ where a coding style names none (T.800, table A.21). */
const largestPrecinct = 0xff;
const mostLevels = 32;

/** The default coding style whose marker lies at `at`; undefined where it cannot be used. */
export const defaultStyle = (view: DataView, at: number): CodingStyle | undefined =>
  styleAt(view, at, at + 4, at + 9, (parameters) => view.getUint16(parameters - 3));

/** The coding style of one component; its number takes two bytes where there are many. */
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
  const named = (view.getUint8(flags) & 1) !== 0;
  if (levels > mostLevels || (named && end < parameters + 6 + levels)) return undefined;
  return {
    layers: layers(parameters),
    precincts: Array.from({ length: levels + 1 }, (_, resolution) =>
      named ? view.getUint8(parameters + 5 + resolution) : largestPrecinct,
    ),
    reversible: view.getUint8(parameters + 4) === 1,
  };
}

/** At most how many packets a style makes, each one resolution of one precinct in one layer (T.800, B.6). */
export function packets({ precincts }: CodingStyle, layers: number, grid: Grid): number {
  const { width, height, tilesAcross, tilesDown } = grid;
  const counts = precincts.map((exponents, resolution) => {
    const scale = 2 ** (precincts.length - 1 - resolution);
    const across = Math.ceil(width / scale / 2 ** (exponents & 0x0f)) + tilesAcross;
    const down = Math.ceil(height / scale / 2 ** (exponents >> 4)) + tilesDown;
    return across * down;
  });
  return layers * counts.reduce((sum, count) => sum + count, 0);
}
