import type { Fault } from '../../../core/fault.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import { type CodingHeader, codingHeader } from './jpeg2000-headers.ts';
import { type Grid, maxPacketsOf } from './jpeg2000-style.ts';
import type { Shape } from './shape.ts';

/** Markers of a codestream (ITU-T T.800, table A.2). */
const startOfCodestream = 0xff4f;
const size = 0xff51;
const startOfTilePart = 0xff90;
const startOfData = 0xff93;
const endOfCodestream = 0xffd9;
const endMarker = Uint8Array.of(0xff, 0xd9);

/** The tile index has 16 bits (T.800, A.4.2). */
const maxTiles = 65_535;
/**
 * Limit of packets. A film has hundreds of packets, or ten thousands with small tiles. The largest film in tiles of 32 pixels
 * has nearly this many. The limit is needed because a codec allocates a table of all packets at once.
 */
const maxPackets = 400_000;

/** Limit of padding bytes after the codestream. Some devices pad the stream to a block size. */
const maxPadding = 8192;

/** A repaired codestream, and the parameters of its headers. */
export type Jpeg2000Stream = {
  readonly bytes: Uint8Array;
  readonly shape: Shape;
  /**
   * How often the size can be halved in decoding: the number of wavelet decompositions of every tile. It is 0 for the reversible
   * wavelet 5-3, whose lower resolutions change too many calls (docs/rendering.md). With an image offset, the codec miscalculates
   * the size at lower resolutions.
   */
  readonly halvings: number;
  /** Coded by the block coder of HTJ2K (ITU-T T.814). */
  readonly isHighThroughput: boolean;
  /** The repaired faults. */
  readonly repairs: readonly string[];
};

/** Check and repair a JPEG 2000 or HTJ2K codestream: its main header, and the lengths and headers of all tile parts. */
export function jpeg2000Stream(bytes: Uint8Array): Result<Jpeg2000Stream, Fault> {
  const corrupt = (problem: string) =>
    fail<Fault>({ code: 'corrupt_image', problem: `the JPEG 2000 codestream ${problem}` });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 45 || view.getUint16(0) !== startOfCodestream || view.getUint16(2) !== size)
    return corrupt('does not start with SOC and SIZ markers');

  // T.800, A.5.1.
  const [right, bottom, remaining, top] = [
    view.getUint32(8),
    view.getUint32(12),
    view.getUint32(16),
    view.getUint32(20),
  ];
  const [tileWidth, tileHeight] = [view.getUint32(24), view.getUint32(28)];
  const [tileLeft, tileTop] = [view.getUint32(32), view.getUint32(36)];
  const components = view.getUint16(40);
  const sample = view.getUint8(42);
  if (view.getUint8(43) !== 1 || view.getUint8(44) !== 1) return corrupt('is subsampled');
  if (remaining >= right || top >= bottom || tileLeft > remaining || tileTop > top) return corrupt('has an empty grid');
  const isSide = (pixels: number) => pixels > 0 && pixels < 2 ** 31;
  if (!isSide(tileWidth) || !isSide(tileHeight)) return corrupt('has an invalid tile size');

  const main = codingHeader(view, 2, startOfTilePart, components);
  if (!main?.styles.some(({ layers }) => layers)) return corrupt('has a malformed main header');
  const grid: Grid = {
    width: right - remaining,
    height: bottom - top,
    tilesAcross: Math.ceil((right - tileLeft) / tileWidth),
    tilesDown: Math.ceil((bottom - tileTop) / tileHeight),
  };
  const tiles = grid.tilesAcross * grid.tilesDown;
  const tooManyPackets = 'has more tiles or maxPacketsOf than any film';
  if (tiles > maxTiles || packetLimit(main, grid) > maxPackets) return corrupt(tooManyPackets);
  const parsed = tileParts(view, main.end, tiles, components);
  if (!parsed) return corrupt('is truncated, or the length of a tile part is wrong');
  const tile: Grid = {
    width: Math.min(tileWidth, grid.width),
    height: Math.min(tileHeight, grid.height),
    tilesAcross: 1,
    tilesDown: 1,
  };
  const { parts, end } = parsed;
  // A tile header may override the coding style. The main header applies to everything that the tile header does not state.
  const overriding = parts.filter(({ styles, progressions }) => styles.length > 0 || progressions > 0);
  const packetLimits = overriding.map((part) =>
    packetLimit({ ...part, styles: [...main.styles, ...part.styles] }, tile),
  );
  if (packetLimits.reduce((sum, each) => sum + each, packetLimit(main, grid)) > maxPackets)
    return corrupt(tooManyPackets);

  const isLossy = [main, ...parts].some(({ styles }) => styles.some(({ isReversible }) => !isReversible));
  const shape: Shape = {
    rows: grid.height,
    columns: grid.width,
    components,
    precision: (sample & 0x7f) + 1,
    isSigned: (sample & 0x80) !== 0,
    isLossy,
  };
  return ok({
    // A codec treats a stream without an end marker as truncated, so a missing marker is added.
    bytes: parsed.hasEndMarker ? bytes.subarray(0, end + 2) : Buffer.concat([bytes.subarray(0, end), endMarker]),
    shape,
    halvings: isLossy && remaining === 0 && top === 0 ? fewestDecompositions([main, ...parts]) : 0,
    // Bit 14 of the capabilities announces a CAP segment (T.800, table A.10). HTJ2K has one.
    isHighThroughput: (view.getUint16(6) & 0x4000) !== 0,
    repairs: parsed.hasEndMarker ? [] : ['the end marker is missing'],
  });
}

const fewestDecompositions = (headers: readonly CodingHeader[]): number =>
  Math.min(...headers.flatMap(({ styles }) => styles.map(({ precincts }) => precincts.length - 1)));

/** Upper limit of the packets that a codec iterates over: the packets of the finest style, once per progression order. */
function packetLimit({ styles, progressions }: Pick<CodingHeader, 'styles' | 'progressions'>, grid: Grid): number {
  const layers = styles.reduce((most, style) => Math.max(most, style.layers ?? 0), 0);
  const finest = styles.reduce((most, style) => Math.max(most, maxPacketsOf(style, layers, grid)), 0);
  return finest * (1 + progressions);
}

/** The headers of all tile parts, and the end of the last tile part. */
type Parts = { readonly parts: readonly CodingHeader[]; readonly end: number; readonly hasEndMarker: boolean };

/**
 * Read the headers of all tile parts. Undefined if a tile part does not end at the next one, if the last one does not end with
 * the codestream, or if a tile has no tile part (T.800, A.4.2). A codec leaves a missing tile gray and reports no error.
 */
function tileParts(view: DataView, first: number, tiles: number, components: number): Parts | undefined {
  const seen = new Set<number>();
  const parts: CodingHeader[] = [];
  let at = first;
  while (at + 12 <= view.byteLength && view.getUint16(at) === startOfTilePart) {
    const tile = view.getUint16(at + 4);
    const length = view.getUint32(at + 6);
    const header = codingHeader(view, at + 12, startOfData, components);
    if (tile >= tiles || (length !== 0 && length < 14) || !header) return undefined;
    seen.add(tile);
    parts.push(header);
    // Only the last tile part may have an unknown length.
    if (length === 0) {
      const end = findEndMarker(view, header.end + 2);
      return seen.size === tiles && end !== undefined ? { parts, end, hasEndMarker: true } : undefined;
    }
    if (header.end + 2 > at + length) return undefined;
    at += length;
  }
  // Some writers omit the end marker. If all tile parts are complete, only the marker is missing.
  const remaining = view.byteLength - at;
  const hasEndMarker = remaining >= 2 && view.getUint16(at) === endOfCodestream;
  if (
    seen.size !== tiles ||
    !(hasEndMarker || remaining === 0 || remaining === 1 || (remaining > 1 && isPadding(view, at)))
  )
    return undefined;
  return { parts, end: at, hasEndMarker };
}

/** The position of the end marker after a tile part of unknown length. Only padding may follow the marker. */
function findEndMarker(view: DataView, from: number): number | undefined {
  for (let at = view.byteLength - 2; at >= from && view.byteLength - at <= maxPadding; at--) {
    if (view.getUint16(at) === endOfCodestream) return at;
    if (!isPadding(view, view.byteLength - 1) || view.getUint8(at + 1) !== view.getUint8(view.byteLength - 1))
      return undefined;
  }
  return undefined;
}

/** Whether all remaining bytes are 0, or all are 255. The standard pads with 0 (PS3.5, A.4); some devices pad with 255. */
function isPadding(view: DataView, from: number): boolean {
  const value = view.getUint8(from);
  if ((value !== 0 && value !== 0xff) || view.byteLength - from > maxPadding) return false;
  for (let at = from; at < view.byteLength; at++) if (view.getUint8(at) !== value) return false;
  return true;
}
