import { openJpeg, openJph } from '../codestream.ts';
import { type Dataset, merge } from '../element.ts';
import { encoder } from '../encoders.ts';
import type { Stored } from '../film.ts';
import { chestDataset, encapsulated } from '../instance.ts';
import { part10 } from '../part10.ts';
import { type Bomb, bomb } from './bomb.ts';

type Patch = readonly [at: number, size: 1 | 2 | 4, value: number];

/** A copy with numbers overwritten at offsets from a marker. */
function patched(bytes: Uint8Array, marker: number, ...patches: readonly Patch[]): Buffer {
  const copy = Buffer.from(bytes);
  const start = copy.indexOf(Buffer.from([0xff, marker]));
  if (start < 0) throw new Error(`no marker ff${marker.toString(16)}`);
  for (const [at, size, value] of patches) copy.writeUIntBE(value, start + at, size);
  return copy;
}

/** The offsets of numbers in ISO/IEC 15444-1 A.5.1 (SIZ) and A.6.1 (COD). */
const siz = { marker: 0x51, width: 6, height: 10, left: 14, top: 18, tileWidth: 22, tileHeight: 26, components: 38 };
const cod = { marker: 0x52, layers: 6, levels: 9, blockWidth: 10, blockHeight: 11 };
const huge = 2 ** 31;

/** The same codestream with precincts of 2 x 2 at every level, and with the given number of layers. */
function inPrecincts(codestream: Buffer, layers: number): Buffer {
  const start = codestream.indexOf(Buffer.from([0xff, cod.marker]));
  const length = codestream.readUInt16BE(start + 2);
  const levels = codestream.readUInt8(start + cod.levels);
  const head = patched(codestream.subarray(start, start + 2 + length), cod.marker, [cod.layers, 2, layers]);
  head.writeUInt16BE(length + levels + 1, 2);
  head.writeUInt8(head.readUInt8(4) | 1, 4);
  const rest = codestream.subarray(start + 2 + length);
  return Buffer.concat([codestream.subarray(0, start), head, Buffer.alloc(levels + 1, 0x11), rest]);
}

const startOfTilePart = Buffer.from([0xff, 0x90]);

/** A marker segment (ISO/IEC 15444-1 A.1). */
function segment(marker: number, body: Uint8Array): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(2 + body.length, 2);
  return Buffer.concat([head, body]);
}

/** Add segments to the main header, after all others. */
function inMainHeader(codestream: Buffer, ...segments: readonly Uint8Array[]): Buffer {
  const at = codestream.indexOf(startOfTilePart);
  return Buffer.concat([codestream.subarray(0, at), ...segments, codestream.subarray(at)]);
}

/** Add segments to the header of the first tile-part, and extend its length by theirs. */
function inTileHeader(codestream: Buffer, ...segments: readonly Uint8Array[]): Buffer {
  const at = codestream.indexOf(startOfTilePart) + 12;
  const added = Buffer.concat(segments);
  const longer = Buffer.concat([codestream.subarray(0, at), added, codestream.subarray(at)]);
  const length = longer.readUInt32BE(at - 6);
  if (length > 0) longer.writeUInt32BE(length + added.length, at - 6);
  return longer;
}

/** A coding style of the single component (A.6.2): equal to the default except for precincts of 2^n by 2^n. */
export function componentStyle(codestream: Buffer, exponent: number): Buffer {
  const start = codestream.indexOf(Buffer.from([0xff, cod.marker]));
  const levels = codestream.readUInt8(start + cod.levels);
  const style = codestream.subarray(start + cod.levels, start + cod.levels + 5);
  return segment(0x53, Buffer.concat([Buffer.from([0, 1]), style, Buffer.alloc(levels + 1, 0x11 * exponent)]));
}

/** A default coding style in precincts of 2 x 2. */
function tileStyle(codestream: Buffer, layers: number): Buffer {
  const styled = inPrecincts(codestream, layers);
  const start = styled.indexOf(Buffer.from([0xff, cod.marker]));
  return styled.subarray(start, start + 2 + styled.readUInt16BE(start + 2));
}

/** A change of the progression order (A.6.6): all layers and resolutions, and the single component. */
const progression = (changes: number) =>
  segment(0x5f, Buffer.concat(Array<Buffer>(changes).fill(Buffer.from([0, 0, 0xff, 0xff, 33, 1, 0]))));

/** A codestream with precincts of 2^n by 2^n for its single component, which the default coding style does not declare. */
export const inComponentPrecincts = (codestream: Buffer, exponent: number): Buffer =>
  inMainHeader(codestream, componentStyle(codestream, exponent));

/** JPEG 2000 codestreams, also high-throughput ones, that contradict their header. */
export function jpeg2000Bombs(film: Stored): readonly Bomb[] {
  const kinds = [
    { kind: 'JPEG 2000', transferSyntax: '1.2.840.10008.1.2.4.90', write: () => openJpeg(film, []) },
    { kind: 'HTJ2K', transferSyntax: '1.2.840.10008.1.2.4.201', write: () => openJph(film, ['-reversible', 'true']) },
  ];
  return kinds.flatMap(({ kind, transferSyntax, write }) => {
    const good = write();
    const mainHeader = good.subarray(0, good.indexOf(Buffer.from([0xff, 0x90])));
    const end = Buffer.from([0xff, 0xd9]);
    const file = (codestream: Uint8Array) => part10(chestDataset(film, [encapsulated(codestream)]), { transferSyntax });
    const sized = (...patches: readonly Patch[]) => patched(good, siz.marker, ...patches);
    const coded = (...patches: readonly Patch[]) => patched(good, cod.marker, ...patches);
    const claim = (side: number): readonly Patch[] => [
      [siz.width, 4, side],
      [siz.height, 4, side],
      [siz.tileWidth, 4, side],
      [siz.tileHeight, 4, side],
    ];
    const cases: readonly (readonly [string, Uint8Array])[] = [
      ['that claims 2^31 x 2^31', sized(...claim(huge))],
      ['of 200 bytes that claims 2^31 x 2^31', sized(...claim(huge)).subarray(0, 200)],
      ['that claims 65535 x 65535', sized(...claim(65_535))],
      ['that claims one column more', sized([siz.width, 4, film.columns + 1])],
      ['that claims a million columns and one row', sized([siz.width, 4, 1_000_000], [siz.height, 4, 1])],
      ['whose origin lies beyond its end', sized([siz.left, 4, film.columns + 1], [siz.top, 4, film.rows + 1])],
      [
        'that claims 2^32 - 1 less an origin',
        sized([siz.width, 4, 2 ** 32 - 1], [siz.left, 4, 2 ** 32 - 1 - film.columns]),
      ],
      ['in tiles of one pixel', sized([siz.tileWidth, 4, 1], [siz.tileHeight, 4, 1])],
      ['in tiles of 3 x 3', sized([siz.tileWidth, 4, 3], [siz.tileHeight, 4, 3])],
      ['in tiles of no pixels', sized([siz.tileWidth, 4, 0], [siz.tileHeight, 4, 0])],
      ['in 2^31 tiles a row', sized([siz.tileWidth, 4, huge])],
      ['of 16384 components', sized([siz.components, 2, 16_384])],
      ['of no components', sized([siz.components, 2, 0])],
      ['of 38 bits', sized([40, 1, 37])],
      ['with 255 pixels a sample', sized([41, 1, 255], [42, 1, 255])],
      ['with no pixels a sample', sized([41, 1, 0], [42, 1, 0])],
      ['of 65535 layers', coded([cod.layers, 2, 65_535])],
      ['of no layers', coded([cod.layers, 2, 0])],
      ['of 255 levels', coded([cod.levels, 1, 255])],
      ['of 32 levels', coded([cod.levels, 1, 32])],
      ['with code blocks of 2^257', coded([cod.blockWidth, 1, 255], [cod.blockHeight, 1, 255])],
      ['with code blocks of 1024 x 1024', coded([cod.blockWidth, 1, 8], [cod.blockHeight, 1, 8])],
      ['in precincts of 2 x 2', inPrecincts(good, 1)],
      ['in precincts of 2 x 2 and 65535 layers', inPrecincts(good, 65_535)],
      ['of a header and an end', Buffer.concat([mainHeader, end])],
      [
        'of a header that claims 2^31 x 2^31 and an end',
        Buffer.concat([patched(mainHeader, siz.marker, ...claim(huge)), end]),
      ],
      ['cut after its header', good.subarray(0, good.indexOf(Buffer.from([0xff, 0x93])) + 2)],
      ['cut in half', good.subarray(0, good.length / 2)],
      ['of which only the first two bytes are left', good.subarray(0, 2)],
      [
        'of zeros after its header',
        Buffer.concat([good.subarray(0, good.indexOf(Buffer.from([0xff, 0x93])) + 2), Buffer.alloc(2000)]),
      ],
    ];
    return cases.map(([name, codestream]) => bomb(`${kind} ${name}`, () => file(codestream)));
  });
}

/**
 * Codestreams with small precincts outside of their default coding style. With precincts of 2 x 2, a film of 2500 x 3056 has
 * two and a half million packets. A small codestream can be decoded.
 */
export function smallPrecinctBombs(film: Stored): readonly Bomb[] {
  const kinds = [
    { kind: 'JPEG 2000', transferSyntax: '1.2.840.10008.1.2.4.91', good: openJpeg(film, ['-r', '100']) },
    { kind: 'HTJ2K', transferSyntax: '1.2.840.10008.1.2.4.203', good: openJph(film, ['-qstep', '0.05']) },
  ];
  return kinds.flatMap(({ kind, transferSyntax, good }) => {
    const cases: readonly (readonly [string, Uint8Array])[] = [
      ['whose component is in precincts of 2 x 2', inComponentPrecincts(good, 1)],
      ['whose component is in precincts of 4 x 4', inComponentPrecincts(good, 2)],
      ['whose first tile is in precincts of 2 x 2', inTileHeader(good, tileStyle(good, 1))],
      ['whose first tile is in precincts of 2 x 2 and 65535 layers', inTileHeader(good, tileStyle(good, 65_535))],
      ["whose first tile's component is in precincts of 2 x 2", inTileHeader(good, componentStyle(good, 1))],
      ['of 9000 orders', inMainHeader(good, progression(9000))],
      ['of 9000 orders in its first tile', inTileHeader(good, progression(9000))],
      [
        'of 30 orders with a component in precincts of 8 x 8',
        inMainHeader(good, componentStyle(good, 3), progression(30)),
      ],
    ];
    return cases.map(([name, codestream]) => ({
      ...bomb(`${kind} ${name}`, () => part10(chestDataset(film, [encapsulated(codestream)]), { transferSyntax })),
      readable: true,
    }));
  });
}

/** Tiled JPEG 2000 codestreams without one of their tiles. OpenJPEG leaves the tile blank and reports no error. */
export function missingTileBombs(film: Stored): readonly Bomb[] {
  const good = openJpeg(film, ['-t', '128,128']);
  const parts = tileParts(good);
  const file = (...gone: readonly number[]) => {
    const kept = parts.filter((_, i) => !gone.includes(i)).map(([start, end]) => good.subarray(start, end));
    const codestream = Buffer.concat([good.subarray(0, parts[0]?.[0]), ...kept, Buffer.from([0xff, 0xd9])]);
    return part10(chestDataset(film, [encapsulated(codestream)]), { transferSyntax: '1.2.840.10008.1.2.4.90' });
  };
  return [
    bomb('JPEG 2000 without its first tile', () => file(0)),
    bomb('JPEG 2000 without a tile in its middle', () => file(5)),
    bomb('JPEG 2000 without its last tile', () => file(parts.length - 1)),
  ];
}

/** Start and end of the tile-parts of a codestream (ISO/IEC 15444-1 A.4.2). */
function tileParts(codestream: Buffer): readonly (readonly [start: number, end: number])[] {
  const parts: [number, number][] = [];
  let at = codestream.indexOf(Buffer.from([0xff, 0x90]));
  while (codestream.readUInt16BE(at) === 0xff90) {
    const end = at + codestream.readUInt32BE(at + 6);
    parts.push([at, end]);
    at = end;
  }
  return parts;
}

/** ITU-T T.81 B.2.2 and T.87 C.2.2: the frame header. */
const sof = { precision: 4, lines: 5, samples: 7, components: 9 };

/** JPEG and JPEG-LS with a frame header that contradicts the data set. */
export function jpegBombs(film: Stored): readonly Bomb[] {
  const kinds: readonly (readonly [name: string, marker: number])[] = [
    ['JPEG extended, 12 bits', 0xc1],
    ['JPEG lossless, first-order prediction', 0xc3],
    ['JPEG-LS lossless', 0xf7],
  ];
  return kinds.flatMap(([name, marker]) => {
    const good = encoder(name).encode(film);
    const frame = (...patches: readonly Patch[]) => Buffer.from(patched(good, marker, ...patches));
    const scan = good.indexOf(Buffer.from([0xff, 0xda]));
    const zeroed = Buffer.from(good).fill(0, scan + 20, good.length - 12);
    const ones = Buffer.from(good).fill(0xff, scan + 20, good.length - 12);
    const cases: readonly (readonly [string, Buffer<ArrayBuffer>])[] = [
      ['that claims 65535 x 65535', frame([sof.lines, 2, 65_535], [sof.samples, 2, 65_535])],
      ['that claims one line more', frame([sof.lines, 2, film.rows + 1])],
      ['that claims one column less', frame([sof.samples, 2, film.columns - 1])],
      ['that claims no lines', frame([sof.lines, 2, 0])],
      ['that claims no columns', frame([sof.samples, 2, 0])],
      ['of 255 components', frame([sof.components, 1, 255])],
      ['of no components', frame([sof.components, 1, 0])],
      ['of 255 bits', frame([sof.precision, 1, 255])],
      ['of one bit', frame([sof.precision, 1, 1])],
      ['whose scan is all ones', ones],
      ...(marker === 0xf7 ? [] : ([['whose scan is all zeros', zeroed]] as const)),
    ];
    return cases.map(([what, file]) => bomb(`${name} ${what}`, () => file));
  });
}

/** PS3.5 annex G: the RLE header is the number of segments, followed by their offsets. */
export function rleBombs(dataset: Dataset): readonly Bomb[] {
  const file = (frame: Uint8Array) =>
    part10(merge(dataset, [encapsulated(frame)]), { transferSyntax: '1.2.840.10008.1.2.5' });
  const frame = (segments: number, offsets: readonly number[], body: Uint8Array) => {
    const header = Buffer.alloc(64);
    header.writeUInt32LE(segments, 0);
    for (const [i, offset] of offsets.entries()) header.writeUInt32LE(offset, 4 + 4 * i);
    return file(Buffer.concat([header, body]));
  };
  const run = Buffer.alloc(60_000, 0x81);
  return [
    bomb('RLE of 2^32 - 1 segments', () => frame(2 ** 32 - 1, [64, 64], run)),
    bomb('RLE of no segments', () => frame(0, [], run)),
    bomb('RLE of 15 segments for two bytes', () => frame(15, Array<number>(15).fill(64), run)),
    bomb('RLE of one segment for two bytes', () => frame(1, [64], run)),
    bomb('RLE with offsets outside', () => frame(2, [0x7fff_fff0, 0xffff_fff0], run)),
    bomb('RLE with descending offsets', () => frame(2, [6000, 64], run)),
    bomb('RLE with segments in the header', () => frame(2, [0, 0], run)),
    bomb('RLE that has too few bytes', () => frame(2, [64, 70], Buffer.alloc(12, 0x81))),
    bomb('RLE that has far too many', () => frame(2, [64, 3_000_064], Buffer.alloc(6_000_000, 0x81))),
    bomb('RLE that ends in a run', () => frame(2, [64, 10_064], Buffer.alloc(20_001, 0x81))),
    bomb('RLE that does nothing', () => frame(2, [64, 30_064], Buffer.alloc(60_000, 0x80))),
    bomb('RLE of half a header', () => file(Buffer.from([2, 0, 0, 0, 64, 0]))),
  ];
}
