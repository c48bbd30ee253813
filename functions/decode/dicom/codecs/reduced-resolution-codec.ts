import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fail, ok, type Result } from '../../../core/result.ts';
import { halved } from '../../halving.ts';
import { type Codec, type CodecFailure, type CompressedFrame, memoryLimit } from './codec-types.ts';
import { clampToPrecision } from './shape.ts';

/** A decoder of one frame, in the interface that both packages share. */
type Decoder = {
  /** A buffer of this length in the memory of the codec, for the stream. */
  getEncodedBuffer(length: number): Uint8Array;
  /** `layers` 0 means all quality layers. */
  decodeSubResolution(halvings: number, layers: number): void;
  getFrameInfo(): { readonly width: number; readonly height: number; readonly componentCount: number };
  getDecodedBuffer(): Uint8Array | Uint8ClampedArray;
};

/** The options of Emscripten that are used here. */
type Options = {
  print(line: string): void;
  printErr(line: string): void;
  quit(status: number, error: unknown): never;
  instantiateWasm(
    imports: WebAssembly.Imports,
    use: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): object;
};

/** A package: its function that creates an instance, and its compiled code. */
type Package = {
  readonly create: (options: Options) => Promise<Record<string, new () => Decoder>>;
  readonly module: WebAssembly.Module;
};

type Wavelet = Extract<CompressedFrame['encoding'], 'jpeg2000' | 'htj2k'>;

const packages: Record<Wavelet, { readonly code: string; readonly wasm: string; readonly decoder: string }> = {
  jpeg2000: {
    code: '@cornerstonejs/codec-openjpeg/decodewasmjs',
    wasm: '@cornerstonejs/codec-openjpeg/decodewasm',
    decoder: 'J2KDecoder',
  },
  htj2k: {
    code: '@cornerstonejs/codec-openjph/wasmjs',
    wasm: '@cornerstonejs/codec-openjph/wasm',
    decoder: 'HTJ2KDecoder',
  },
};

const require = createRequire(import.meta.url);
/** One module per package and thread, so that V8 keeps the optimised code. */
const loaded = new Map<Wavelet, Promise<Package>>();

function load(encoding: Wavelet): Promise<Package> {
  const { code, wasm } = packages[encoding];
  const loading =
    loaded.get(encoding) ??
    readFile(require.resolve(wasm)).then(async (bytes) => ({
      create: require(code) as Package['create'],
      module: await WebAssembly.compile(bytes),
    }));
  loaded.set(encoding, loading);
  return loading;
}

/**
 * Decode JPEG 2000 or HTJ2K at a lower resolution: the codec skips the data of the finest wavelet decompositions. Each frame gets
 * a new instance with a memory limit, because a malicious stream may cause a trap, damage the heap or grow it. Every message of the
 * codec about the stream counts as damage.
 */
export const reducedResolutionCodec: Codec = async (frame, halvings) => {
  const { encoding } = frame;
  if (encoding !== 'jpeg2000' && encoding !== 'htj2k') throw new Error(`${encoding} has no resolutions`);
  const { create, module } = await load(encoding);
  const status = { isDamaged: false, memoryExceeded: false };
  const codec = await create({
    print(line) {
      status.isDamaged ||= line !== '' && !line.startsWith('[INFO]');
    },
    printErr() {
      status.isDamaged = true;
    },
    quit(_status, error) {
      throw error;
    },
    instantiateWasm(imports, use) {
      const instance = new WebAssembly.Instance(module, imports);
      limitMemory(instance, memoryLimit(frame), () => {
        status.memoryExceeded = true;
      });
      use(instance, module);
      return {};
    },
  });
  try {
    const decoded = samples(codec, frame, halvings);
    return status.isDamaged || !decoded ? failure(status) : ok(decoded);
  } catch {
    // This includes WebAssembly traps and exceptions of C++.
    return failure(status);
  }
};

const failure = ({ memoryExceeded }: { readonly memoryExceeded: boolean }): Result<never, CodecFailure> =>
  fail(memoryExceeded ? 'memoryExceeded' : 'damaged');

/** Refuse to grow the memory of an instance above a limit. Only JavaScript code grows the memory. */
function limitMemory(instance: WebAssembly.Instance, maxBytes: number, exceeded: () => void): void {
  const memory = Object.values(instance.exports).find((value) => value instanceof WebAssembly.Memory);
  if (!memory) throw new Error('the codec exports no memory');
  const grow = memory.grow.bind(memory);
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + 65_536 * pages > maxBytes) {
      exceeded();
      throw new RangeError('the codec exceeded its memory limit');
    }
    return grow(pages);
  };
}

/** The samples of a frame; undefined if the codec returned another size. */
function samples(
  codec: Record<string, new () => Decoder>,
  { encoding, bytes, shape }: CompressedFrame,
  halvings: number,
): Uint8Array | Uint16Array | undefined {
  const Decoder = codec[packages[encoding as Wavelet].decoder];
  if (!Decoder) throw new Error(`the codec of ${encoding} has no decoder`);
  const decoder = new Decoder();
  decoder.getEncodedBuffer(bytes.length).set(bytes);
  decoder.decodeSubResolution(halvings, 0);
  const decoded = decoder.getDecodedBuffer();
  const { width, height, componentCount } = decoder.getFrameInfo();
  const pixels = halved(shape.rows, halvings) * halved(shape.columns, halvings);
  const is16Bit = shape.precision > 8;
  const isExpected =
    width === shape.columns &&
    height === shape.rows &&
    componentCount === 1 &&
    decoded.length === pixels * (is16Bit ? 2 : 1);
  if (!isExpected) return undefined;
  // The copy leaves the memory of the codec, and a Uint16Array needs an even byte offset.
  const copy = new Uint8Array(decoded);
  return is16Bit ? clampToPrecision(new Uint16Array(copy.buffer), shape) : copy;
}
