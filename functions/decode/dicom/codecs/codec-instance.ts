import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** A fresh instance of the codecs, and what it has shown while it ran. */
export type CodecInstance = {
  readonly instance: WebAssembly.Instance;
  readonly module: WebAssembly.Module;
  readonly seen: {
    /** The only sign of damage that a codec got over. */
    damage: boolean;
    /** It wanted more memory than it may hold, and was ended there. */
    hunger: boolean;
  };
};

const file = createRequire(import.meta.url).resolve('dcmjs-codecs/build/dcmjs-native-codecs.wasm');
let compiled: WebAssembly.Module | undefined;

/** What libjpeg, OpenJPEG and OpenJPH say of a stream that they could decode only in part, among other remarks. */
const damage = /Corrupt JPEG data|Premature end of JPEG file|OpjMessageCallbackWarning/;

/** WASI's errno for a call that is not there. */
const noSuchCall = 52;

/**
 * An instance of dcmjs-codecs that may hold so many bytes. The library itself reads and compiles its file for each
 * instance; here all of a thread share one module, so that V8 keeps its code, compiled and optimised. And where the
 * library answers what an instance tells its host with lines in a log, here it is looked at.
 */
export async function codecInstance(maxBytes: number): Promise<CodecInstance> {
  compiled ??= await WebAssembly.compile(await readFile(file));
  const seen = { damage: false, hunger: false };
  const memory = () => (instance.exports['memory'] as WebAssembly.Memory).buffer;
  const text = (at: number, length: number) => Buffer.from(memory(), at, length).toString('latin1');
  const instance = await WebAssembly.instantiate(compiled, {
    env: {
      emscripten_notify_memory_growth() {
        seen.hunger = memory().byteLength > maxBytes;
        if (seen.hunger) throw new Error('more memory than it may hold');
      },
      onCodecsInfo(at: number, length: number) {
        seen.damage ||= damage.test(text(at, length));
      },
      onCodecsTrace() {},
      onCodecsException(at: number, length: number) {
        throw new Error(text(at, length));
      },
    },
    wasi_snapshot_preview1: {
      /** The console, on which a codec says what it has no other way to say. */
      fd_write(_file: number, pieces: number, count: number, written: number) {
        seen.damage = true;
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
      clock_time_get: () => noSuchCall,
      proc_exit(code: number) {
        throw new Error(`the codec ended with ${code}`);
      },
    },
  });
  return { instance, module: compiled, seen };
}
