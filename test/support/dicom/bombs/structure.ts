import {
  type Dataset,
  delimiter,
  type Element,
  type Encoding,
  encode,
  explicitLittle,
  head,
  merge,
  undefinedLength,
  without,
} from '../element.ts';
import { part10, transferSyntaxes, wrap } from '../part10.ts';
import { tags } from '../tags.ts';
import { type Bomb, bomb } from './bomb.ts';

const implicitLittle: Encoding = { little: true, explicit: false };
const item = 0xfffe_e000;
const deepest = 100_000;
const many = 400_000;
const repeated = (bytes: Uint8Array) => Buffer.concat(Array<Uint8Array>(many).fill(bytes));

/** Data sets with elements that nest, repeat or never end. */
export function structureBombs(dataset: Dataset): readonly Bomb[] {
  const before = encode(
    dataset.filter(({ tag }) => tag < tags.ReferencedImageSequence),
    explicitLittle,
  );
  const after = (encoding: Encoding) =>
    encode(
      dataset.filter(({ tag }) => tag > tags.ReferencedImageSequence),
      encoding,
    );
  /** The data set with given bytes in place of a sequence. */
  const withBytes = (bytes: Uint8Array, encoding = explicitLittle) => {
    const start = encode(
      dataset.filter(({ tag }) => tag < tags.ReferencedImageSequence),
      encoding,
    );
    const transferSyntax = encoding.explicit ? transferSyntaxes.explicitLittle : transferSyntaxes.implicitLittle;
    return wrap(dataset, Buffer.concat([start, bytes, after(encoding)]), { transferSyntax });
  };
  /** Pixel data of given bytes, encapsulated as RLE. */
  const withPixels = (...elements: readonly Uint8Array[]) =>
    wrap(dataset, Buffer.concat([encode(without(dataset, tags.PixelData), explicitLittle), ...elements]), {
      transferSyntax: '1.2.840.10008.1.2.5',
    });
  const opening = (vr: string, encoding: Encoding) =>
    Buffer.concat([
      head(tags.ReferencedImageSequence, vr, undefinedLength, encoding),
      delimiter(item, undefinedLength, encoding),
    ]);
  const closing = (encoding: Encoding) =>
    Buffer.concat([delimiter(0xfffe_e00d, 0, encoding), delimiter(0xfffe_e0dd, 0, encoding)]);
  const nested = (vr: string, encoding: Encoding, closed: boolean) =>
    withBytes(
      Buffer.concat([
        ...Array<Buffer>(deepest).fill(opening(vr, encoding)),
        ...(closed ? Array<Buffer>(deepest).fill(closing(encoding)) : []),
      ]),
      encoding,
    );
  const fragment = (length: number, bytes: Uint8Array = new Uint8Array(0)) =>
    Buffer.concat([delimiter(item, length, explicitLittle), bytes]);
  const open = head(tags.PixelData, 'OB', undefinedLength, explicitLittle);
  const end = delimiter(0xfffe_e0dd, 0, explicitLittle);
  const lying = (element: Element, length: number) => part10(merge(dataset, [{ ...element, length } as Element]));
  const pixels = dataset.find(({ tag }) => tag === tags.PixelData);
  if (!pixels) throw new Error('a data set has pixels');

  return [
    bomb('sequences 100 000 deep', () => nested('SQ', explicitLittle, true)),
    bomb('sequences 100 000 deep, implicit', () => nested('SQ', implicitLittle, true)),
    bomb('sequences 100 000 deep that never end', () => nested('SQ', explicitLittle, false)),
    bomb('sequences 100 000 deep that never end, implicit', () => nested('SQ', implicitLittle, false)),
    bomb('unknown elements 100 000 deep', () => nested('UN', explicitLittle, true)),
    bomb('sequences of stated length 20 000 deep', () => {
      const depth = 20_000;
      const levels = Array.from({ length: depth }, (_, i) => {
        const inner = 20 * (depth - 1 - i);
        return Buffer.concat([
          head(tags.ReferencedImageSequence, 'SQ', inner + 8, explicitLittle),
          delimiter(item, inner, explicitLittle),
        ]);
      });
      return withBytes(Buffer.concat(levels));
    }),
    bomb('a sequence that never ends', () =>
      wrap(dataset, Buffer.concat([before, head(tags.ReferencedImageSequence, 'SQ', undefinedLength, explicitLittle)])),
    ),
    bomb('an item that is longer than the file', () =>
      withBytes(
        Buffer.concat([
          head(tags.ReferencedImageSequence, 'SQ', undefinedLength, explicitLittle),
          delimiter(item, 0x7fff_fffe, explicitLittle),
        ]),
      ),
    ),
    bomb('an item that is longer than its sequence', () =>
      withBytes(
        Buffer.concat([
          head(tags.ReferencedImageSequence, 'SQ', 8, explicitLittle),
          delimiter(item, 4000, explicitLittle),
        ]),
      ),
    ),
    bomb('text of undefined length', () =>
      withBytes(Buffer.from([0x08, 0, 0x50, 0x11, 0x55, 0x54, 0, 0, 255, 255, 255, 255])),
    ),
    bomb('bytes of undefined length that are no pixels', () =>
      withBytes(head(0x0009_1001, 'OB', undefinedLength, explicitLittle)),
    ),
    bomb('a value representation that does not exist', () =>
      withBytes(Buffer.from([0x08, 0, 0x50, 0x11, 1, 2, 255, 255])),
    ),
    bomb('an element that is longer than the file', () =>
      withBytes(head(0x0009_1001, 'OB', 0xffff_fffe, explicitLittle)),
    ),
    bomb('pixels that are longer than the file', () => lying(pixels, 0xffff_fffe)),
    bomb('pixels with half of their length declared', () => lying(pixels, 2 ** 17)),
    bomb('pixels of no length', () => lying(pixels, 0)),
    bomb('pixels of undefined length that are not encapsulated', () => lying(pixels, undefinedLength)),
    bomb('half of the pixels', () => {
      const file = part10(dataset);
      return file.subarray(0, file.length - 2 ** 17);
    }),
    bomb('400 000 empty fragments', () => withPixels(open, repeated(fragment(0)), end)),
    bomb('400 000 fragments of two bytes', () => withPixels(open, repeated(fragment(2, Buffer.alloc(2, 0x7f))), end)),
    bomb('fragments that never end', () => withPixels(open, ...Array<Buffer>(1000).fill(fragment(2, Buffer.alloc(2))))),
    bomb('a fragment that is longer than the file', () => withPixels(open, fragment(0), fragment(0x7fff_fffe))),
    bomb('a fragment of undefined length', () => withPixels(open, fragment(0), fragment(undefinedLength))),
    bomb('an offset table that points outside', () =>
      withPixels(open, fragment(4000, Buffer.alloc(4000, 0xfe)), fragment(64, Buffer.alloc(64)), end),
    ),
    bomb('400 000 items', () =>
      withBytes(
        Buffer.concat([
          head(tags.ReferencedImageSequence, 'SQ', undefinedLength, explicitLittle),
          repeated(delimiter(item, 0, explicitLittle)),
          delimiter(0xfffe_e0dd, 0, explicitLittle),
        ]),
      ),
    ),
    bomb('400 000 elements of one tag', () =>
      withBytes(repeated(encode([{ tag: 0x0009_1001, vr: 'CS', value: 'A ' }], explicitLittle))),
    ),
    bomb('no fragment at all', () => withPixels(open, end)),
    bomb('an offset table and no fragment', () => withPixels(open, fragment(0), end)),
  ];
}

/** Files with little or no content. */
export function emptyBombs(dataset: Dataset): readonly Bomb[] {
  const empty = dataset.map(
    (element): Element =>
      'items' in element ? { ...element, items: [] } : { tag: element.tag, vr: element.vr, value: '' },
  );
  const whole = part10(dataset);
  return [
    bomb('not a byte', () => Buffer.alloc(0)),
    bomb('one byte', () => Buffer.alloc(1)),
    bomb('a preamble', () => Buffer.alloc(128)),
    bomb('a preamble and its prefix', () => Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')])),
    bomb('four million zeros', () => Buffer.alloc(4_000_000)),
    bomb('four million ones', () => Buffer.alloc(4_000_000, 0xff)),
    bomb('file meta information alone', () => wrap(dataset, Buffer.alloc(0))),
    bomb('elements without values', () => part10(empty)),
    bomb('elements without values, but a SOP class', () =>
      part10(
        merge(
          empty,
          dataset.filter(({ tag }) => tag <= tags.SOPInstanceUID),
        ),
      ),
    ),
    bomb('no pixels', () => part10(without(dataset, tags.PixelData))),
    bomb('a file that is cut in its header', () => whole.subarray(0, 700)),
    bomb('a tag and no more', () => whole.subarray(0, whole.indexOf(Buffer.from([8, 0, 5, 0])) + 4)),
  ];
}
