import type { Fault } from '../../../core/fault.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import { type CodingHeader, codingHeader } from './jpeg2000-headers.ts';
import { type Grid, packets } from './jpeg2000-style.ts';
import type { Shape } from './shape.ts';

/** Markers of a codestream (ITU-T T.800, table A.2). */
const startOfCodestream = 0xff4f;
const size = 0xff51;
const startOfTilePart = 0xff90;
const startOfData = 0xff93;
const endOfCodestream = 0xffd9;
const endMarker = Uint8Array.of(0xff, 0xd9);

/** T.800, A.4.2: tiles are counted in 16 bits. */
const maxTiles = 65_535;
/**
 * Films have some hundreds of packets, in small tiles some ten thousands, and the largest in tiles of 32 pixels not
 * quite this many. A codec makes a table of them at once.
 */
const maxPackets = 400_000;

/** Padding to a block of a device is not longer. */
const maxPadding = 8192;

/** A codestream as a codec wants it, and what its headers say. */
export type Jpeg2000Stream = {
  readonly bytes: Uint8Array;
  readonly shape: Shape;
  /** Coded by the block coder of HTJ2K (ITU-T T.814). */
  readonly isHighThroughput: boolean;
  /** What was repaired. */
  readonly repairs: readonly string[];
};

/** Read the headers of a JPEG 2000 or HTJ2K codestream, and follow its tile parts to their end. */
export function jpeg2000Stream(bytes: Uint8Array): Result<Jpeg2000Stream, Fault> {
  const wrong = (problem: string) =>
    fail<Fault>({ code: 'corrupt_image', problem: `its JPEG 2000 codestream ${problem}` });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 45 || view.getUint16(0) !== startOfCodestream || view.getUint16(2) !== size)
    return wrong('does not start as one does');

  // T.800, A.5.1.
  const [right, bottom, left, top] = [view.getUint32(8), view.getUint32(12), view.getUint32(16), view.getUint32(20)];
  const [tileWidth, tileHeight] = [view.getUint32(24), view.getUint32(28)];
  const [tileLeft, tileTop] = [view.getUint32(32), view.getUint32(36)];
  const components = view.getUint16(40);
  const sample = view.getUint8(42);
  if (view.getUint8(43) !== 1 || view.getUint8(44) !== 1) return wrong('is subsampled');
  if (left >= right || top >= bottom || tileLeft > left || tileTop > top) return wrong('has an empty grid');
  const isSide = (pixels: number) => pixels > 0 && pixels < 2 ** 31;
  if (!isSide(tileWidth) || !isSide(tileHeight)) return wrong('has tiles of no size that an image has');

  const main = codingHeader(view, 2, startOfTilePart, components);
  if (!main?.styles.some(({ layers }) => layers)) return wrong('has a header that cannot be used');
  const grid: Grid = {
    width: right - left,
    height: bottom - top,
    tilesAcross: Math.ceil((right - tileLeft) / tileWidth),
    tilesDown: Math.ceil((bottom - tileTop) / tileHeight),
  };
  const tiles = grid.tilesAcross * grid.tilesDown;
  const pieces = 'is cut into more pieces than any film is';
  if (tiles > maxTiles || effort(main, grid) > maxPackets) return wrong(pieces);
  const followed = tileParts(view, main.end, tiles, components);
  if (!followed) return wrong('is cut off, or its tiles do not join up');
  const tile: Grid = {
    width: Math.min(tileWidth, grid.width),
    height: Math.min(tileHeight, grid.height),
    tilesAcross: 1,
    tilesDown: 1,
  };
  const { parts, end } = followed;
  // A tile has a style of its own where its header brings one; what that leaves open is as in the main header.
  const own = parts.filter(({ styles, progressions }) => styles.length > 0 || progressions > 0);
  const efforts = own.map((part) => effort({ ...part, styles: [...main.styles, ...part.styles] }, tile));
  if (efforts.reduce((sum, each) => sum + each, effort(main, grid)) > maxPackets) return wrong(pieces);

  const shape: Shape = {
    rows: grid.height,
    columns: grid.width,
    components,
    precision: (sample & 0x7f) + 1,
    signed: (sample & 0x80) !== 0,
    lossy: [main, ...parts].some(({ styles }) => styles.some(({ reversible }) => !reversible)),
  };
  return ok({
    // Codecs take a stream without its end marker for one that is cut off.
    bytes: followed.isMarked ? bytes.subarray(0, end + 2) : Buffer.concat([bytes.subarray(0, end), endMarker]),
    shape,
    // T.800, table A.10: bit 14 of the capabilities says that there is more of them in a CAP segment, as HTJ2K has.
    isHighThroughput: (view.getUint16(6) & 0x4000) !== 0,
    repairs: followed.isMarked ? [] : ['the end marker is missing'],
  });
}

/** At most how many packets a codec goes through: those of the finest style, once for each order of progression. */
function effort({ styles, progressions }: Pick<CodingHeader, 'styles' | 'progressions'>, grid: Grid): number {
  const layers = styles.reduce((most, style) => Math.max(most, style.layers ?? 0), 0);
  const finest = styles.reduce((most, style) => Math.max(most, packets(style, layers, grid)), 0);
  return finest * (1 + progressions);
}

/** The headers of all tile parts, where the last of them ends, and whether the end marker is there. */
type Parts = { readonly parts: readonly CodingHeader[]; readonly end: number; readonly isMarked: boolean };

/**
 * The headers of all tile parts; undefined unless each part ends where the next one starts, the last where the
 * codestream does, and each tile has one (T.800, A.4.2): a codec would leave a tile that is missing gray, and say
 * nothing.
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
    // Only the last part may leave its length open.
    if (length === 0) {
      const end = openEnd(view, header.end + 2);
      return seen.size === tiles && end !== undefined ? { parts, end, isMarked: true } : undefined;
    }
    if (header.end + 2 > at + length) return undefined;
    at += length;
  }
  // Some writers leave the end marker out; where all parts are whole, nothing is missing but that.
  const left = view.byteLength - at;
  const isMarked = left >= 2 && view.getUint16(at) === endOfCodestream;
  if (seen.size !== tiles || !(isMarked || left === 0 || left === 1 || (left > 1 && isPadding(view, at))))
    return undefined;
  return { parts, end: at, isMarked };
}

/** The position of the end marker that only padding follows: it ends a part that leaves its length open. */
function openEnd(view: DataView, from: number): number | undefined {
  for (let at = view.byteLength - 2; at >= from && view.byteLength - at <= maxPadding; at--) {
    if (view.getUint16(at) === endOfCodestream) return at;
    if (!isPadding(view, view.byteLength - 1) || view.getUint8(at + 1) !== view.getUint8(view.byteLength - 1))
      return undefined;
  }
  return undefined;
}

/** Bytes of one value, 0 or 255: what an odd length or a block is padded with differs (PS3.5, A.4 says zero). */
function isPadding(view: DataView, from: number): boolean {
  const value = view.getUint8(from);
  if ((value !== 0 && value !== 0xff) || view.byteLength - from > maxPadding) return false;
  for (let at = from; at < view.byteLength; at++) if (view.getUint8(at) !== value) return false;
  return true;
}
