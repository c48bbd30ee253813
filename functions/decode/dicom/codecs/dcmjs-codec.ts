import codecs from 'dcmjs-codecs';
import { fail, ok, type Result } from '../../../core/result.ts';
import { type CodecInstance, codecInstance } from './codec-instance.ts';
import type { Codec, Compressed, Undecodable } from './codec-types.ts';

const { Context, NativeCodecs } = codecs;

let current: CodecInstance | undefined;

/** Makes the library use the WebAssembly instance in `current`. The method is not in its types. */
class Codecs extends NativeCodecs {
  static _createWebAssemblyInstance = async (): Promise<CodecInstance | undefined> => current;
}

const decoders: Record<Compressed['encoding'], typeof NativeCodecs.decodeJpeg> = {
  jpeg: (context) => Codecs.decodeJpeg(context),
  jpegLossless: (context) => Codecs.decodeJpeg(context),
  jpegLs: (context) => Codecs.decodeJpegLs(context),
  jpeg2000: (context) => Codecs.decodeJpeg2000(context),
  htj2k: (context) => Codecs.decodeHtJpeg2000(context),
};

/**
 * Memory limit of a codec in bytes. The codec reserves 268 MB at its start, mostly unused; the largest films of the test's encoders
 * take up to 10 bytes a pixel and the stream, and HTJ2K in blocks of 4 pixels some 110 MB more than it starts with.
 */
const memoryFor = ({ bytes, shape }: Compressed) => 384_000_000 + bytes.length + 24 * shape.rows * shape.columns;

let last: Promise<unknown> = Promise.resolve();

/**
 * Decode by dcmjs-codecs. It has one WebAssembly instance a thread: frames take turns, each in a fresh instance, so that
 * neither a trap nor a heap that a hostile stream has damaged or grown outlives its frame.
 */
export const dcmjsCodec: Codec = (frame) => {
  const turn = last.then(() => decode(frame));
  last = turn.catch(() => undefined);
  return turn;
};

async function decode(frame: Compressed): Promise<Result<Uint8Array | Uint16Array, Undecodable>> {
  current = await codecInstance(memoryFor(frame));
  const { seen } = current;
  await Codecs.initializeAsync();
  try {
    const decoded = samples(frame);
    return seen.damage || !decoded ? fail('damaged') : ok(decoded);
  } catch {
    // Traps included: the instance that they have left behind is released.
    return fail(seen.hunger ? 'insatiable' : 'damaged');
  } finally {
    Codecs.release();
    current = undefined;
  }
}

/** Undefined where the codec gave another size than the frame has. */
function samples({ encoding, bytes, shape }: Compressed): Uint8Array | Uint16Array | undefined {
  // HTJ2K samples that are signed lose their sign in bytes.
  const deep = shape.precision > 8 || (encoding === 'htj2k' && shape.signed);
  const context = new Context({
    width: shape.columns,
    height: shape.rows,
    // The bits of the stream, not of the header: the library lays out its lines by them.
    bitsAllocated: deep ? 16 : 8,
    bitsStored: shape.precision,
    samplesPerPixel: 1,
    pixelRepresentation: shape.signed ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: 'MONOCHROME2',
    encodedBuffer: bytes,
  });
  const decoded = decoders[encoding](context).getDecodedBuffer();
  if (decoded?.length !== shape.rows * shape.columns * (deep ? 2 : 1)) return undefined;
  if (!deep) return decoded;
  const words = new Uint16Array(decoded.buffer, decoded.byteOffset, decoded.length / 2);
  return encoding === 'htj2k' ? withinPrecision(words, shape) : words;
}

/** OpenJPH lets samples of a lossy stream overshoot, which the other codecs do not. */
function withinPrecision(words: Uint16Array, { precision, signed }: Compressed['shape']): Uint16Array {
  const values = signed ? new Int16Array(words.buffer, words.byteOffset, words.length) : words;
  const [low, high] = signed ? [-(2 ** (precision - 1)), 2 ** (precision - 1) - 1] : [0, 2 ** precision - 1];
  for (let i = 0; i < values.length; i++) values[i] = Math.max(low, Math.min(high, values[i] ?? 0));
  return words;
}
