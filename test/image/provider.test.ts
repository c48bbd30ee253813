import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import AdmZip from 'adm-zip';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from './dockerfile.ts';

const folder = mkdtempSync(join(tmpdir(), 'alara-provider-'));
const runtime = join(folder, 'node_modules/onnxruntime-node');
const beside = join(runtime, 'bin/napi-v6/linux/x64');
const native = 'node_modules/onnxruntime-node/bin/napi-v6/linux/x64';
const libraries = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** A NuGet package is a zip archive. */
function nupkg(names: readonly string[]): Buffer {
  const archive = new AdmZip();
  for (const name of names) archive.addFile(`runtimes/linux-x64/native/${name}`, Buffer.from(`this is ${name}`));
  return archive.toBuffer();
}
const packages: Record<string, Buffer> = { '/whole': nupkg(libraries), '/short': nupkg(libraries.slice(0, 1)) };
const digest = (path: string) =>
  createHash('sha256')
    .update(packages[path] ?? '')
    .digest('hex');

const feed = createServer(({ url = '' }, response) => {
  const found = packages[url];
  response.writeHead(found ? 200 : 404).end(found);
});
beforeAll(async () => {
  mkdirSync(beside, { recursive: true });
  cpSync('node_modules/onnxruntime-node/package.json', join(runtime, 'package.json'));
  await once(feed.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => {
  feed.close();
  rmSync(folder, { recursive: true });
});

/** The command of the Dockerfile, with the build arguments as environment variables, as in a build. */
async function provide(environment: Record<string, string>) {
  const child = spawn('sh', ['-c', run('build-cuda', 'provider.ts').replace('/app', folder)], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return { said, code: code as number };
}
const at = (path: string) => `http://127.0.0.1:${(feed.address() as AddressInfo).port}${path}`;

test.each([
  ['no digest', '/whole', '', /ORT_GPU_SHA256=: the CUDA image needs the SHA-256 of the NuGet package/],
  ['an invalid digest', '/whole', 'latest', /ORT_GPU_SHA256=latest: the CUDA image needs/],
  ['another digest', '/whole', 'f'.repeat(64), new RegExp(`has SHA-256 ${digest('/whole')}, not f{64}`)],
  ['a package without the provider', '/short', digest('/short'), /has no libonnxruntime_providers_cuda\.so/],
  ['a missing package', '/gone', 'f'.repeat(64), /answers 404/],
])('%s fails the build, and the error names the cause', async (_, path, pinned, why) => {
  const { code, said } = await provide({ ORT_GPU_SHA256: pinned, ORT_GPU_URL: at(path) });
  expect(code).not.toBe(0);
  expect(said).toMatch(why);
  expect(existsSync(join(beside, 'libonnxruntime_providers_cuda.so'))).toBe(false);
});

test('without its address the build fails, and the error names the package of the staged version', async () => {
  const { version } = JSON.parse(readFileSync('node_modules/onnxruntime-node/package.json', 'utf8'));
  const { code, said } = await provide({ ORT_GPU_SHA256: digest('/whole') });
  expect(code).not.toBe(0);
  expect(said).toContain(
    `ORT_GPU_URL=: the CUDA image needs the address of the NuGet package Microsoft.ML.OnnxRuntime.Gpu.Linux ${version}`,
  );
});

test('unpacks a package with the pinned digest beside the binding', async () => {
  expect(await provide({ ORT_GPU_SHA256: digest('/whole'), ORT_GPU_URL: at('/whole') })).toEqual({ code: 0, said: '' });
  for (const name of libraries) expect(readFileSync(join(beside, name), 'utf8')).toBe(`this is ${name}`);
});

const linked = (path: string) => spawnSync('sh', ['functions/image/linked.sh', path], { encoding: 'utf8' });

/** The binding, linked to a library of another name of the same length. */
function linkedAgainst(name: string): string {
  const path = mkdtempSync(join(folder, 'linked-'));
  cpSync(native, path, { recursive: true });
  const binding = join(path, 'onnxruntime_binding.node');
  const was = Buffer.from('libonnxruntime.so.1\0');
  const bytes = readFileSync(binding);
  const where = bytes.indexOf(was);
  expect(name.length + 1).toBeLessThanOrEqual(was.length);
  expect(where).toBeGreaterThan(0);
  bytes.fill(0, where, where + was.length).write(name, where);
  writeFileSync(binding, bytes);
  return path;
}

test('a library that is linked to a missing library fails the build', () => {
  expect(linked(native)).toMatchObject({ status: 0, stdout: '2 native libraries, 0 of them without what they need\n' });
  const { status, stdout } = linked(linkedAgainst('libcudnn.so.9'));
  expect(status).toBe(1);
  expect(stdout).toMatch(
    /libcudnn\.so\.9 => not found\n {2}in what .*onnxruntime_binding\.node needs\n2 native.*, 1 of/,
  );
});

test('accepts a missing driver library, because the host has it', () => {
  expect(linked(linkedAgainst('libcuda.so.1')).status).toBe(0);
});

test('a corrupt library, or a folder without libraries, fails the build', () => {
  const path = mkdtempSync(join(folder, 'none-'));
  expect(linked(path).status).toBe(1);
  writeFileSync(join(path, 'libother.so'), 'not a library');
  expect(linked(path)).toMatchObject({ status: 1, stdout: expect.stringContaining('not found: a loader') });
});
