import type { Fault } from '../../fault.ts';
import { fail, ok, type Result } from '../../result.ts';
import type { Attributes } from './attributes.ts';
import type { Codec, Compressed, Undecodable } from './codec.ts';
import { maxSurplus, type StoredPixels } from './header.ts';
import type { Image } from './image.ts';
import { codestreamIn } from './jp2.ts';
import { jpegStream } from './jpeg-stream.ts';
import { jpeg2000Stream } from './jpeg2000-stream.ts';
import type { Opened } from './open.ts';
import { decodeRle } from './rle.ts';
import { agree, type Shape } from './shape.ts';
import { tags } from './tags.ts';
import type { TransferSyntax } from './transfer-syntaxes.ts';

/** The words of a frame, one a pixel, as they were before compression. */
export type Words = Uint8Array | Uint16Array;

/** A frame, and of a compressed one what its stream said of itself. */
export type Frame = { readonly words: Words; readonly stream: Shape | null };

/** Why a codec gave nothing, as what follows the name of the stream. */
const undecodable: Record<Undecodable, string> = {
  damaged: 'does not decode without errors',
  insatiable: 'takes more memory than a film of its size does',
};

const corrupt = (problem: string) => fail<Fault>({ code: 'corrupt_image', problem });

/** Pixel data to a frame. A compressed stream is checked against the header before the codec sees it. */
export async function frameOf(
  { attributes, image, pixels, transferSyntax }: Pick<Opened, 'attributes' | 'image' | 'pixels' | 'transferSyntax'>,
  codec: Codec,
): Promise<Result<Frame, Fault>> {
  const asStored = (words: Words) => ok({ words, stream: null });
  if (pixels.kind === 'native') {
    const words = native(pixels, image, transferSyntax);
    return words.ok ? asStored(words.value) : words;
  }
  const stream = joined(pixels.fragments);
  if (transferSyntax.encoding === 'rle') {
    const unpacked = decodeRle(stream, image.rows * image.columns, image.bitsAllocated);
    return unpacked.ok ? asStored(inWords(unpacked.value, image)) : unpacked;
  }
  const frame = compressed(stream, transferSyntax);
  if (!frame.ok) return frame;
  const agreed = agree(frame.value.shape, image);
  if (!agreed.ok) return agreed;
  const words = await codec(frame.value);
  const lossy = frame.value.shape.lossy || cutDown(frame.value, attributes);
  if (words.ok) return ok({ words: words.value, stream: { ...frame.value.shape, lossy } });
  return corrupt(`its ${transferSyntax.name} stream ${undecodable[words.fault]}`);
}

/**
 * Lossy though its wavelets can be undone: a stream of JPEG 2000 from which something was left out looks like any other.
 * Only Lossy Image Compression says so (PS3.3, C.7.6.1.1.5), which in other encodings may tell of an earlier life.
 */
const cutDown = ({ encoding }: Compressed, attributes: Attributes): boolean =>
  (encoding === 'jpeg2000' || encoding === 'htj2k') && attributes.code(tags.lossyImageCompression) === '01';

/** PS3.5, A.4: the one frame of an image may be in any number of fragments. */
function joined(fragments: readonly Uint8Array[]): Uint8Array {
  const [only] = fragments;
  return only && fragments.length === 1 ? only : Buffer.concat(fragments);
}

function compressed(bytes: Uint8Array, { encoding }: TransferSyntax): Result<Compressed, Fault> {
  switch (encoding) {
    case 'jpeg':
    case 'jpegLossless':
    case 'jpegLs': {
      const stream = jpegStream(bytes, encoding);
      return stream.ok ? ok({ encoding, ...stream.value }) : stream;
    }
    case 'jpeg2000':
    case 'htj2k': {
      const stream = jpeg2000Stream(codestreamIn(bytes));
      return stream.ok ? ok({ encoding, ...stream.value }) : stream;
    }
    case 'native':
    case 'rle':
      throw new Error(`${encoding} is no compressed stream`);
  }
}

function native(
  { bytes, vr }: Extract<StoredPixels, { kind: 'native' }>,
  image: Image,
  { bigEndian }: TransferSyntax,
): Result<Words, Fault> {
  const expected = (image.rows * image.columns * image.bitsAllocated) / 8;
  // Padded to an even length (PS3.5, 8.1.1), and by some devices to their blocks. More is another image.
  if (bytes.length < expected || bytes.length > expected + maxSurplus)
    return corrupt(`its pixel data has ${bytes.length} bytes where its header says ${expected}`);
  // A copy, which slice() of a Buffer is not: the bytes are the caller's, and words need an even address.
  const copy = new Uint8Array(bytes.subarray(0, expected + (expected % 2)));
  // PS3.5, 8.1.1 and A.3: in OW, 8-bit pixels lie two to a word, and the word is swapped too.
  if (bigEndian && (image.bitsAllocated === 16 || vr !== 'OB')) {
    if (copy.length % 2 !== 0) return corrupt('its pixel data has an odd number of bytes');
    Buffer.from(copy.buffer).swap16();
  }
  return ok(inWords(copy.subarray(0, expected), image));
}

const inWords = (bytes: Uint8Array, { bitsAllocated }: Image): Words =>
  bitsAllocated === 16 ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2) : bytes;
