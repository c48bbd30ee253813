import { promises as files } from 'node:fs';

// Each frame is decoded by a codec of its own. Reading and compiling that codec anew would be nine tenths of the
// work here and test nothing, so within this process its file is read and compiled once.
const module = new Map<number, WebAssembly.Module>();
const read = new Map<string, Buffer>();
const { readFile } = files;
const instantiate = WebAssembly.instantiate as (
  module: WebAssembly.Module,
  imports?: WebAssembly.Imports,
) => Promise<WebAssembly.Instance>;

Object.assign(files, {
  readFile: async (path: string, ...options: []) => {
    const bytes = read.get(path) ?? (await readFile(path, ...options));
    if (path.endsWith('.wasm')) read.set(path, bytes);
    return bytes;
  },
});
Object.assign(WebAssembly, {
  instantiate: async (bytes: ArrayBuffer, imports?: WebAssembly.Imports) => {
    const compiled = module.get(bytes.byteLength) ?? (await WebAssembly.compile(bytes));
    module.set(bytes.byteLength, compiled);
    return { module: compiled, instance: await instantiate(compiled, imports) };
  },
});
