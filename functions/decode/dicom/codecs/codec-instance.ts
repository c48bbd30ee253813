import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** A new instance of the codecs, and the errors that it reports while it runs. */
export type CodecInstance = {
  readonly instance: WebAssembly.Instance;
  readonly module: WebAssembly.Module;
  readonly status: {
    /** The codec reported damage in the stream. A codec may still return an image. */
    isDamaged: boolean;
    /** The codec exceeded its memory limit and was ended. */
    memoryExceeded: boolean;
  };
};

const wasmFile = createRequire(import.meta.url).resolve('dcmjs-codecs/build/dcmjs-native-codecs.wasm');
let compiled: WebAssembly.Module | undefined;

/** Messages of libjpeg, OpenJPEG and OpenJPH about a stream that they decoded only in part. */
const damageMessage = /Corrupt JPEG data|Premature end of JPEG file|OpjMessageCallbackWarning/;

/** ENOSYS of WASI: the function is not implemented. */
const notImplemented = 52;

/**
 * Create an instance of dcmjs-codecs with a memory limit. The library itself reads and compiles its file for each instance. Here,
 * all instances of a thread share one module, so V8 keeps the optimised code. The library writes the messages of an instance to
 * a log. Here, the messages set `status`.
 */
export async function codecInstance(maxBytes: number): Promise<CodecInstance> {
  compiled ??= await WebAssembly.compile(await readFile(wasmFile));
  const status = { isDamaged: false, memoryExceeded: false };
  const memory = () => (instance.exports['memory'] as WebAssembly.Memory).buffer;
  const text = (at: number, length: number) => Buffer.from(memory(), at, length).toString('latin1');
  const instance = await WebAssembly.instantiate(compiled, {
    env: {
      emscripten_notify_memory_growth() {
        status.memoryExceeded = memory().byteLength > maxBytes;
        if (status.memoryExceeded) throw new Error('the codec exceeded its memory limit');
      },
      onCodecsInfo(at: number, length: number) {
        status.isDamaged ||= damageMessage.test(text(at, length));
      },
      onCodecsTrace() {},
      onCodecsException(at: number, length: number) {
        throw new Error(text(at, length));
      },
    },
    wasi_snapshot_preview1: {
      /** Output to the console. A codec writes there only if it finds damage. */
      fd_write(_file: number, pieces: number, count: number, written: number) {
        status.isDamaged = true;
        const view = new DataView(memory());
        let length = 0;
        for (let i = 0; i < count; i++) length += view.getUint32(pieces + 8 * i + 4, true);
        view.setUint32(written, length, true);
        return 0;
      },
      fd_seek: () => 0,
      fd_close: () => 0,
      environ_sizes_get(count: number, bytes: number) {
        for (const at of [count, bytes]) new DataView(memory()).setUint32(at, 0, true);
        return 0;
      },
      environ_get: () => 0,
      clock_time_get: () => notImplemented,
      proc_exit(code: number) {
        throw new Error(`the codec exited with code ${code}`);
      },
    },
  });
  return { instance, module: compiled, status };
}
