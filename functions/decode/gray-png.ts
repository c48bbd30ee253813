import { crc32, inflateSync } from 'node:zlib';
import type { Film } from '../core/film.ts';
import { px } from '../core/units.ts';
import { concatBytes } from '../platform/concat.ts';
import { releaseMemory } from '../platform/release-memory.ts';
import { maxPixels, minSide } from './limits.ts';

/** Chunk types as numbers (PNG, third edition, 11). */
const [header, palette, data, end, transparency, exif, animation] = [
  'IHDR',
  'PLTE',
  'IDAT',
  'IEND',
  'tRNS',
  'eXIf',
  'acTL',
].map((type) => Buffer.from(type, 'latin1').readUInt32BE());
/** Chunks that change the pixels or give a warning. */
const significant = new Set([palette, transparency, exif, animation]);
/** The bit that marks a chunk which a decoder need not know. */
const ancillary = 0x2000_0000;

/**
 * Decode a PNG file with one gray channel of 8 or 16 bits, the usual format of films, in two thirds of the time that libvips takes.
 * Undefined if the file has another format, is damaged in any way or exceeds the limits: libvips then decodes it, or names the fault.
 */
export function decodeGrayPng(file: Uint8Array): Film | undefined {
  const chunks = chunksOf(file);
  if (!chunks) return undefined;
  const { width, height, bytesPerPixel, compressed } = chunks;
  if (width * height > maxPixels || Math.min(width, height) < minSide) return undefined;
  const rowBytes = width * bytesPerPixel;
  const filtered = inflate(compressed, (rowBytes + 1) * height);
  releaseMemory(compressed);
  const pixels = filtered && unfilter(filtered, rowBytes, height, bytesPerPixel);
  // Short results are in a buffer that Node shares.
  if (filtered && filtered.buffer.byteLength === filtered.length + 1) releaseMemory(new Uint8Array(filtered.buffer));
  if (!pixels) return undefined;
  const size = { width: px(width), height: px(height) };
  if (bytesPerPixel === 1) return { ...size, pixels };
  // PNG stores words with the most significant byte first.
  Buffer.from(pixels.buffer).swap16();
  return { ...size, pixels: new Uint16Array(pixels.buffer) };
}

/** The size of a gray image that is not interlaced, and its compressed data. Undefined for another image or a damaged file. */
function chunksOf(file: Uint8Array) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const compressed: Uint8Array[] = [];
  let bytes = 0;
  let size: { width: number; height: number; bytesPerPixel: 1 | 2 } | undefined;
  for (let at = 8; at + 12 <= file.length; ) {
    const next = at + 12 + view.getUint32(at);
    const type = view.getUint32(at + 4);
    if (next > file.length || significant.has(type)) return undefined;
    const isKnown = type === header || type === data || type === end;
    if (!isKnown && (type & ancillary) === 0) return undefined;
    if (isKnown && crc32(file.subarray(at + 4, next - 4)) !== view.getUint32(next - 4)) return undefined;
    if ((type === header) !== (at === 8)) return undefined;
    if (type === header) {
      const [depth, colour, compression, filter, interlace] = file.subarray(at + 16, next - 4);
      if (next - at !== 25 || colour !== 0 || compression !== 0 || filter !== 0 || interlace !== 0) return undefined;
      if (depth !== 8 && depth !== 16) return undefined;
      size = { width: view.getUint32(at + 8), height: view.getUint32(at + 12), bytesPerPixel: depth === 8 ? 1 : 2 };
    }
    if (type === data) {
      compressed.push(file.subarray(at + 8, next - 4));
      bytes += next - at - 12;
    }
    if (type === end) return size && { ...size, compressed: concatBytes(compressed, bytes) };
    at = next;
  }
  return undefined;
}

type Inflated = { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };

/** Inflate data to exactly `length` bytes; undefined if the data is damaged, or longer or shorter. */
function inflate(compressed: Uint8Array, length: number): Uint8Array | undefined {
  try {
    // The output is one chunk, so that it is not joined afterwards. A chunk without a free byte would be followed by another.
    const options = { chunkSize: length + 1, maxOutputLength: length, info: true } as const;
    // The types of Node do not have the result with `info`.
    const { buffer, engine } = inflateSync(compressed, options) as unknown as Inflated;
    return buffer.length === length && engine.bytesWritten === compressed.length ? buffer : undefined;
  } catch {
    return undefined;
  }
}

/** Reverse the filters of all rows (PNG, third edition, 9.2). `step` is the distance to the left pixel. Undefined for an unknown filter. */
function unfilter(filtered: Uint8Array, rowBytes: number, rows: number, step: number) {
  const out = new Uint8Array(rowBytes * rows);
  let above: Uint8Array = new Uint8Array(rowBytes);
  let aboveAt = 0;
  for (let row = 0; row < rows; row++) {
    const from = row * (rowBytes + 1) + 1;
    const to = row * rowBytes;
    const reverse = filters[filtered[from - 1] ?? 0];
    if (!reverse) return undefined;
    for (let lane = 0; lane < step; lane++) reverse({ filtered, from, out, to, above, aboveAt, rowBytes, step, lane });
    above = out;
    aboveAt = to;
  }
  return out;
}

/** Every `step`th byte of a row, from `lane` on. */
type Lane = {
  readonly filtered: Uint8Array;
  readonly from: number;
  readonly out: Uint8Array;
  readonly to: number;
  readonly above: Uint8Array;
  readonly aboveAt: number;
  readonly rowBytes: number;
  readonly step: number;
  readonly lane: number;
};

/** The reversal of each filter type. The inner loops take nearly all of the time, so each has its own. */
const filters: readonly ((lane: Lane) => void)[] = [
  function none({ filtered, from, out, to, rowBytes, step, lane }) {
    for (let i = lane; i < rowBytes; i += step) out[to + i] = filtered[from + i] ?? 0;
  },
  function sub({ filtered, from, out, to, rowBytes, step, lane }) {
    let left = 0;
    for (let i = lane; i < rowBytes; i += step) {
      left = ((filtered[from + i] ?? 0) + left) & 255;
      out[to + i] = left;
    }
  },
  function up({ filtered, from, out, to, above, aboveAt, rowBytes, step, lane }) {
    for (let i = lane; i < rowBytes; i += step) out[to + i] = (filtered[from + i] ?? 0) + (above[aboveAt + i] ?? 0);
  },
  function average({ filtered, from, out, to, above, aboveAt, rowBytes, step, lane }) {
    let left = 0;
    for (let i = lane; i < rowBytes; i += step) {
      left = ((filtered[from + i] ?? 0) + ((left + (above[aboveAt + i] ?? 0)) >> 1)) & 255;
      out[to + i] = left;
    }
  },
  function paeth({ filtered, from, out, to, above, aboveAt, rowBytes, step, lane }) {
    let left = 0;
    let corner = 0;
    for (let i = lane; i < rowBytes; i += step) {
      const up = above[aboveAt + i] ?? 0;
      const toLeft = absolute(up - corner);
      const toUp = absolute(left - corner);
      const toCorner = absolute(left + up - 2 * corner);
      // Without branches, because no processor predicts them: that halves the time.
      const other = select(toCorner - toUp, corner, up);
      const predicted = select(select(toCorner - toUp, toCorner, toUp) - toLeft, other, left);
      left = ((filtered[from + i] ?? 0) + predicted) & 255;
      out[to + i] = left;
      corner = up;
    }
  },
];

const absolute = (value: number) => (value ^ (value >> 31)) - (value >> 31);
/** One of two values: the first if `sign` is negative. */
const select = (sign: number, negative: number, positive: number) => positive ^ ((positive ^ negative) & (sign >> 31));
