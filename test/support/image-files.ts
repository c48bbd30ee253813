import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

/** Samples row by row, bands interleaved. */
export type Raster = {
  readonly width: number;
  readonly height: number;
  readonly bits: 1 | 2 | 4 | 8 | 16;
  readonly bands: 1 | 2 | 3 | 4;
  readonly values: ArrayLike<number>;
};

export function chunk(type: string, data: Uint8Array = new Uint8Array(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

export const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Colour types 0, 4, 2 and 6 of PNG, by the number of bands. */
const colourType = { 1: 0, 2: 4, 3: 2, 4: 6 } as const;

export function header({ width, height, bits, bands }: Omit<Raster, 'values'>, palette = false): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([bits, palette ? 3 : colourType[bands], 0, 0, 0], 8);
  return chunk('IHDR', data);
}

/** Scan lines with filter type 0, deflated. */
function data({ width, height, bits, bands, values }: Raster): Buffer {
  const samples = width * bands;
  const line = 1 + Math.ceil((samples * bits) / 8);
  const lines = Buffer.alloc(line * height);
  for (let row = 0; row < height; row++) {
    for (let i = 0; i < samples; i++) {
      const value = values[row * samples + i] ?? 0;
      const bit = i * bits;
      const at = row * line + 1 + (bit >> 3);
      if (bits === 16) lines.writeUInt16BE(value, at);
      else lines[at] = (lines[at] ?? 0) | (value << (8 - bits - (bit & 7)));
    }
  }
  return chunk('IDAT', deflateSync(lines));
}

export type PngOptions = { readonly palette?: Uint8Array; readonly before?: Buffer[]; readonly after?: Buffer[] };

/** A PNG with additional chunks before or after its pixels. */
export function png(raster: Raster, { palette, before = [], after = [] }: PngOptions = {}): Buffer {
  return Buffer.concat([
    pngSignature,
    header(raster, palette !== undefined),
    ...(palette ? [chunk('PLTE', palette)] : []),
    ...before,
    data(raster),
    ...after,
    chunk('IEND'),
  ]);
}

/** A PNG with a header that declares more pixels than its few bytes of data hold. */
export const hollow = (claim: Omit<Raster, 'values'>) =>
  Buffer.concat([pngSignature, header(claim), chunk('IDAT', deflateSync(Buffer.alloc(100))), chunk('IEND')]);

/** A gray film with every 8-bit value, in which no two rows or columns are equal. */
export function phantom(width = 160, height = 140): Raster {
  const values = Uint8Array.from({ length: width * height }, (_, i) => {
    const x = i % width;
    const y = Math.floor(i / width);
    return (x * 5 + y * 11 + ((x * y) >> 4)) % 256;
  });
  return { width, height, bits: 8, bands: 1, values };
}

/** A gray film that JPEG compresses without visible loss. */
export function ramp(width = 160, height = 140): Raster {
  const values = Uint8Array.from(
    { length: width * height },
    (_, i) => ((i % width) * 150) / width + (i / width / height) * 100,
  );
  return { width, height, bits: 8, bands: 1, values };
}

/** Repeat every pixel `times` times, as one colour or with an alpha band. */
export const spread = (raster: Raster, times: 2 | 3 | 4, alpha?: number): Raster => ({
  ...raster,
  bands: times,
  values: Array.from(raster.values).flatMap((value) => {
    const colours = Array<number>(alpha === undefined ? times : times - 1).fill(value);
    return alpha === undefined ? colours : [...colours, alpha];
  }),
});

/** The same film in 16 bits. */
export const deep = (raster: Raster): Raster => ({
  ...raster,
  bits: 16,
  values: Array.from(raster.values, (value) => value * 257),
});

/** Load an image into sharp. From here, sharp accepts one or three 8-bit bands. */
export const opened = ({ width, height, bands, values }: Raster) =>
  sharp(Uint8Array.from(values), { raw: { width, height, channels: bands } });

export const jpeg = (raster: Raster, options: { quality?: number; progressive?: boolean } = {}) =>
  opened(raster)
    .toColourspace(raster.bands === 1 ? 'b-w' : 'srgb')
    .jpeg({ quality: 95, ...options })
    .toBuffer();

/** A TIFF directory of entries [tag, type, count, value], as in EXIF blocks. */
export function exif(entries: readonly (readonly [number, number, number, number])[], little = false): Buffer {
  const block = Buffer.alloc(8 + 2 + 12 * entries.length + 4);
  const u16 = (value: number, at: number) => (little ? block.writeUInt16LE(value, at) : block.writeUInt16BE(value, at));
  const u32 = (value: number, at: number) => (little ? block.writeUInt32LE(value, at) : block.writeUInt32BE(value, at));
  block.write(little ? 'II' : 'MM', 'latin1');
  u16(42, 2);
  u32(8, 4);
  u16(entries.length, 8);
  entries.forEach(([tag, type, count, value], i) => {
    const at = 10 + 12 * i;
    u16(tag, at);
    u16(type, at + 2);
    u32(count, at + 4);
    // A short uses the first half of the field.
    if (type === 3) u16(value, at + 8);
    else u32(value, at + 8);
  });
  return block;
}

/** A JPEG segment. */
export function segment(marker: number, body: Uint8Array): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
}

export const exifSegment = (block: Uint8Array) =>
  segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), block]));

/** A JPEG with additional segments right after its start. */
export const withSegments = (file: Uint8Array, ...segments: Uint8Array[]) =>
  Buffer.concat([file.subarray(0, 2), ...segments, file.subarray(2)]);
