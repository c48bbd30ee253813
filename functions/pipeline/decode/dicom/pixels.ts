import type { Fault } from '../../fault.ts';
import { fail, ok, type Result } from '../../result.ts';
import type { Codec, Compressed, Undecodable } from './codec.ts';
import type { StoredPixels } from './header.ts';
import type { Image } from './image.ts';
import { jpegStream } from './jpeg-stream.ts';
import { jpeg2000Shape } from './jpeg2000-stream.ts';
import type { Opened } from './open.ts';
import { decodeRle } from './rle.ts';
import { agree } from './shape.ts';
import type { TransferSyntax } from './transfer-syntaxes.ts';

/** The words of a frame, one a pixel, as they were before compression. */
export type Words = Uint8Array | Uint16Array;

/** Why a codec gave nothing, as what follows the name of the stream. */
const undecodable: Record<Undecodable, string> = {
  damaged: 'does not decode without errors',
  insatiable: 'takes more memory than a film of its size does',
};

const corrupt = (problem: string) => fail<Fault>({ code: 'corrupt_image', problem });

/** Pixel data to words. A compressed stream is checked against the header before the codec sees it. */
export async function wordsOf(
  { image, pixels, transferSyntax }: Pick<Opened, 'image' | 'pixels' | 'transferSyntax'>,
  codec: Codec,
): Promise<Result<Words, Fault>> {
  if (pixels.kind === 'native') return native(pixels, image, transferSyntax);
  const stream = joined(pixels.fragments);
  if (transferSyntax.encoding === 'rle') {
    const unpacked = decodeRle(stream, image.rows * image.columns, image.bitsAllocated);
    return unpacked.ok ? ok(inWords(unpacked.value, image)) : unpacked;
  }
  const frame = compressed(stream, transferSyntax);
  if (!frame.ok) return frame;
  const agreed = agree(frame.value.shape, image);
  if (!agreed.ok) return agreed;
  const words = await codec(frame.value);
  return words.ok ? words : corrupt(`its ${transferSyntax.name} stream ${undecodable[words.fault]}`);
}

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
      const shape = jpeg2000Shape(bytes);
      return shape.ok ? ok({ encoding, bytes, shape: shape.value }) : shape;
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
  // PS3.5, 8.1.1: padded to an even length.
  if (bytes.length !== expected && bytes.length !== expected + (expected % 2))
    return corrupt(`its pixel data has ${bytes.length} bytes where its header says ${expected}`);
  // A copy: the bytes are the caller's, and words need an even address.
  const copy = new Uint8Array(bytes);
  // PS3.5, 8.1.1 and A.3: in OW, 8-bit pixels lie two to a word, and the word is swapped too.
  if (bigEndian && (image.bitsAllocated === 16 || vr !== 'OB')) {
    if (copy.length % 2 !== 0) return corrupt('its pixel data has an odd number of bytes');
    Buffer.from(copy.buffer).swap16();
  }
  return ok(inWords(copy.subarray(0, expected), image));
}

const inWords = (bytes: Uint8Array, { bitsAllocated }: Image): Words =>
  bitsAllocated === 16 ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2) : bytes;
