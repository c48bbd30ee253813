import type { Fault } from '../../fault.ts';
import { fail, ok, type Result } from '../../result.ts';
import { type Grid, packets } from './jpeg2000-packets.ts';
import type { Shape } from './shape.ts';

/** Markers of a codestream (ITU-T T.800, table A.2). */
const startOfCodestream = 0xff4f;
const size = 0xff51;
const codingStyle = 0xff52;
const startOfTilePart = 0xff90;
const endOfCodestream = 0xffd9;

/** T.800, A.4.2: tiles are counted in 16 bits. */
const maxTiles = 65_535;
/** Films have some hundreds of packets, in small tiles some ten thousands; a codec makes a table of them at once. */
const maxPackets = 1_000_000;

/** Read the main header of a JPEG 2000 or HTJ2K codestream, and follow its tile parts to their end. */
export function jpeg2000Shape(bytes: Uint8Array): Result<Shape, Fault> {
  const wrong = (problem: string) =>
    fail<Fault>({ code: 'corrupt_image', problem: `its JPEG 2000 codestream ${problem}` });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 45 || view.getUint16(0) !== startOfCodestream || view.getUint16(2) !== size)
    return wrong('does not start as one does');
  const header = mainHeader(view);
  if (!header) return wrong('has a header that does not join up');

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

  const grid: Grid = {
    width: right - left,
    height: bottom - top,
    tilesAcross: Math.ceil((right - tileLeft) / tileWidth),
    tilesDown: Math.ceil((bottom - tileTop) / tileHeight),
  };
  const count = packets(view, header.codingStyle, grid);
  if (count === 0) return wrong('has a coding style that cannot be used');
  const tiles = grid.tilesAcross * grid.tilesDown;
  if (tiles > maxTiles || count > maxPackets) return wrong('is cut into more pieces than any film is');
  if (!isComplete(view, header.end, tiles)) return wrong('is cut off, or its tiles do not join up');
  return ok({
    rows: grid.height,
    columns: grid.width,
    components,
    precision: (sample & 0x7f) + 1,
    signed: (sample & 0x80) !== 0,
  });
}

/** Where the default coding style lies, and where the first tile part does. */
function mainHeader(view: DataView): { codingStyle: number; end: number } | undefined {
  let style: number | undefined;
  let at = 2;
  while (at + 4 <= view.byteLength) {
    const marker = view.getUint16(at);
    if (marker === startOfTilePart) return style === undefined ? undefined : { codingStyle: style, end: at };
    if (marker === codingStyle) style = at;
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/**
 * Whether each tile part ends where the next one starts, the last where the codestream does, and each tile has one
 * (T.800, A.4.2): a codec would leave a tile that is missing gray, and say nothing.
 */
function isComplete(view: DataView, first: number, tiles: number): boolean {
  const seen = new Set<number>();
  let at = first;
  while (at + 12 <= view.byteLength && view.getUint16(at) === startOfTilePart) {
    const tile = view.getUint16(at + 4);
    const length = view.getUint32(at + 6);
    if (tile >= tiles || (length !== 0 && length < 14)) return false;
    seen.add(tile);
    // Only the last part may leave its length open.
    if (length === 0) return seen.size === tiles && endsOpen(view);
    at += length;
  }
  return seen.size === tiles && at + 2 <= view.byteLength && view.getUint16(at) === endOfCodestream;
}

/** The end marker, or one byte after it: what an odd length is padded with differs (PS3.5, A.4 says zero). */
function endsOpen(view: DataView): boolean {
  const last = view.byteLength - 2;
  return view.getUint16(last) === endOfCodestream || view.getUint16(last - 1) === endOfCodestream;
}
