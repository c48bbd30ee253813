/** Adds ONNX Runtime's CUDA libraries to a staged folder: node functions/image/provider.ts <folder>. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The TensorRT library is left out, because TensorRT is not used. */
const libraries = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

type Zip = new (
  bytes: Buffer,
) => {
  readFile(name: string): Buffer | null;
};

/** Fetch the NuGet package (Microsoft.ML.OnnxRuntime.Gpu.Linux of the staged version), verify its digest, and unpack the libraries beside the binding. */
export async function addProvider(
  staged: string,
  { ORT_GPU_SHA256: pinned = '', ORT_GPU_URL: url = '' }: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const runtime = join(staged, 'node_modules/onnxruntime-node');
  const { version } = JSON.parse(readFileSync(join(runtime, 'package.json'), 'utf8'));
  const wanted = `the NuGet package Microsoft.ML.OnnxRuntime.Gpu.Linux ${version}`;
  if (!/^[0-9a-f]{64}$/.test(pinned))
    throw new Error(
      `ORT_GPU_SHA256=${pinned}: the CUDA image needs the SHA-256 of ${wanted}, 64 hexadecimal digits, as a build argument`,
    );
  if (!URL.canParse(url))
    throw new Error(`ORT_GPU_URL=${url}: the CUDA image needs the address of ${wanted} as a build argument`);

  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest !== pinned) throw new Error(`${url} has SHA-256 ${digest}, not ${pinned}`);

  // The library that onnxruntime-node's own installer unpacks it with.
  const Archive = createRequire(createRequire(import.meta.url).resolve('onnxruntime-node'))('adm-zip') as Zip;
  const archive = new Archive(bytes);
  for (const library of libraries) {
    const content = archive.readFile(`runtimes/linux-x64/native/${library}`);
    if (!content) throw new Error(`${url} has no ${library}`);
    writeFileSync(join(runtime, 'bin/napi-v6/linux/x64', library), content);
  }
}

if (import.meta.main) await addProvider(process.argv[2] ?? '', process.env);
