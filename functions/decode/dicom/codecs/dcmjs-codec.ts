import codecs from 'dcmjs-codecs';
import { fail, ok, type Result } from '../../../core/result.ts';
import { type CodecInstance, codecInstance } from './codec-instance.ts';
import { type Codec, type CodecFailure, type CompressedFrame, memoryLimit } from './codec-types.ts';
import { clampToPrecision } from './shape.ts';

const { Context, NativeCodecs } = codecs;

let current: CodecInstance | undefined;

/** Makes the library use the WebAssembly instance in `current`. The types of the library do not have this method. */
class Codecs extends NativeCodecs {
  static _createWebAssemblyInstance = async (): Promise<CodecInstance | undefined> => current;
}

const decoders: Record<CompressedFrame['encoding'], typeof NativeCodecs.decodeJpeg> = {
  jpeg: (context) => Codecs.decodeJpeg(context),
  jpegLossless: (context) => Codecs.decodeJpeg(context),
  jpegLs: (context) => Codecs.decodeJpegLs(context),
  jpeg2000: (context) => Codecs.decodeJpeg2000(context),
  htj2k: (context) => Codecs.decodeHtJpeg2000(context),
};

let last: Promise<unknown> = Promise.resolve();

/**
 * Decode with dcmjs-codecs. The library has one WebAssembly instance per thread, so frames are decoded one after another. Each
 * frame gets a new instance: a malicious stream may cause a trap, damage the heap or grow it, and must not affect other frames.
 */
export const dcmjsCodec: Codec = (frame) => {
  const decoding = last.then(() => decode(frame));
  last = decoding.catch(() => undefined);
  return decoding;
};

async function decode(frame: CompressedFrame): Promise<Result<Uint8Array | Uint16Array, CodecFailure>> {
  current = await codecInstance(memoryLimit(frame));
  const { status } = current;
  await Codecs.initializeAsync();
  try {
    const decoded = samples(frame);
    return status.isDamaged || !decoded ? fail('damaged') : ok(decoded);
  } catch {
    // This includes WebAssembly traps. `finally` releases the instance.
    return fail(status.memoryExceeded ? 'memoryExceeded' : 'damaged');
  } finally {
    Codecs.release();
    current = undefined;
  }
}

/** The samples of a frame; undefined if the codec returned another number of bytes than the frame has. */
function samples({ encoding, bytes, shape }: CompressedFrame): Uint8Array | Uint16Array | undefined {
  // Signed HTJ2K samples need words: in bytes, the codec loses the sign.
  const is16Bit = shape.precision > 8 || (encoding === 'htj2k' && shape.isSigned);
  const context = new Context({
    width: shape.columns,
    height: shape.rows,
    // The library needs the bits of the stream, not of the header: it lays out the lines by them.
    bitsAllocated: is16Bit ? 16 : 8,
    bitsStored: shape.precision,
    samplesPerPixel: 1,
    pixelRepresentation: shape.isSigned ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: 'MONOCHROME2',
    encodedBuffer: bytes,
  });
  const decoded = decoders[encoding](context).getDecodedBuffer();
  if (decoded?.length !== shape.rows * shape.columns * (is16Bit ? 2 : 1)) return undefined;
  if (!is16Bit) return decoded;
  const words = new Uint16Array(decoded.buffer, decoded.byteOffset, decoded.length / 2);
  return encoding === 'htj2k' ? clampToPrecision(words, shape) : words;
}
