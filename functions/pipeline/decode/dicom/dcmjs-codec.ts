import codecs from 'dcmjs-codecs';
import type { Codec, Compressed } from './codec.ts';

const { Context, NativeCodecs, log } = codecs;

/**
 * What libjpeg, OpenJPEG and OpenJPH say of a stream that they could decode only in part; libjpeg's warnings come
 * among remarks on every marker. It is the only sign of such damage, and the library sends it to its log.
 */
const damage = /Corrupt JPEG data|Premature end of JPEG file|OpjMessageCallbackWarning|fd_write/;
let damaged = false;
log.methodFactory = () => (message: unknown) => {
  damaged ||= damage.test(String(message));
};
log.setLevel('info');

const decoders: Record<Compressed['encoding'], typeof NativeCodecs.decodeJpeg> = {
  jpeg: (context) => NativeCodecs.decodeJpeg(context),
  jpegLossless: (context) => NativeCodecs.decodeJpeg(context),
  jpegLs: (context) => NativeCodecs.decodeJpegLs(context),
  jpeg2000: (context) => NativeCodecs.decodeJpeg2000(context),
  htj2k: (context) => NativeCodecs.decodeHtJpeg2000(context),
};

let last: Promise<unknown> = Promise.resolve();

/**
 * The codecs' machine code. V8 shares it between instances for as long as somebody holds it, so that it is compiled,
 * and optimised where it is hot, once a process and not once a frame: JPEG-LS takes two thirds of the time.
 */
const kept: { code?: WebAssembly.Module | undefined } = {};
/** What the library keeps of it, which its types leave out. */
type Loaded = { readonly wasmApi?: { readonly wasmModule: WebAssembly.Module } };

/**
 * Decode by dcmjs-codecs. It has one WebAssembly instance a thread: frames take turns, each in a fresh instance, so that
 * neither a trap nor a heap that a hostile stream has damaged or grown outlives its frame.
 */
export const dcmjsCodec: Codec = (frame) => {
  const turn = last.then(() => decode(frame));
  last = turn.catch(() => undefined);
  return turn;
};

async function decode(frame: Compressed): Promise<Uint8Array | Uint16Array | null> {
  damaged = false;
  await NativeCodecs.initializeAsync({ logCodecsInfo: true });
  kept.code ??= (NativeCodecs as Loaded).wasmApi?.wasmModule;
  try {
    return samples(frame);
  } catch {
    // Traps included: the instance that they have left behind is released.
    return null;
  } finally {
    NativeCodecs.release();
  }
}

function samples({ encoding, bytes, shape }: Compressed): Uint8Array | Uint16Array {
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
  if (damaged) throw new Error('the codec complained of damage');
  if (decoded?.length !== shape.rows * shape.columns * (deep ? 2 : 1)) throw new Error('the codec gave another size');
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
