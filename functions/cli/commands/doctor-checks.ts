import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../core/errors.ts';
import { inPlainWords } from '../../core/plain-words.ts';
import { openRouter } from '../../inference/router.ts';
import { digestFault, families } from '../../models/load.ts';
import { checkPacs } from '../../pacs/check.ts';
import { type PacsConfig, readPacsConfig } from '../../pacs/config.ts';
import { pacsRequest } from '../../pacs/request.ts';
import { ConfigError, readConfig } from '../../platform/config.ts';
import { cpus } from '../../platform/cpus.ts';

/** The result of a check, and the fix if it failed. */
export type CheckResult = { readonly found: string; readonly fix?: string };
export type Check = () => CheckResult | readonly CheckResult[] | Promise<CheckResult | readonly CheckResult[]>;

const settings = () => readConfig(process.env);
const router = () => openRouter(settings());

/** The checks of `alara doctor` by name. Later checks depend on earlier ones. */
export const checks: Readonly<Record<string, Check>> = {
  'Node.js': node,
  platform,
  processors: () => ({ found: `${cpus()} may be used` }),
  memory,
  settings: settingsValid,
  models,
  digests,
  'ONNX Runtime': onnxRuntime,
  sharp: sharpDecodes,
  'data folder': dataFolder,
  PACS: pacs,
  port: portFree,
};

function node(): CheckResult {
  const found = process.versions.node;
  if (Number.parseInt(found, 10) >= 24) return { found };
  return {
    found,
    fix: 'use Node 24 or newer. In a clone of the repository, npm start and npm run use the Node of node_modules.',
  };
}

/** The platforms for which onnxruntime-node has a native library. */
const supported = ['linux x64', 'linux arm64', 'darwin arm64', 'win32 x64', 'win32 arm64'];

function platform(): CheckResult {
  const here = `${process.platform} ${process.arch}`;
  if (!supported.includes(here))
    return {
      found: here,
      fix: `ONNX Runtime for Node runs on ${supported.join(', ')}: use one of them, or a container.`,
    };
  if (process.platform !== 'linux') return { found: here };
  const glibc = glibcVersion();
  if (glibc) return { found: `${here}, glibc ${glibc}` };
  return {
    found: `${here}, no glibc`,
    fix: 'use a distribution with glibc 2.28 or newer. Alpine uses musl, which ONNX Runtime does not support.',
  };
}

function glibcVersion(): string | undefined {
  // `excludeNetwork` stops the report from making DNS lookups.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}

function memory(): CheckResult {
  // Without a cgroup limit, constrainedMemory is 0 or larger than any machine.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  const gib = Math.min(limit, totalmem()) / 2 ** 30;
  const found = `${gib.toFixed(1)} GiB${limit < totalmem() ? ", the cgroup's limit" : ''}`;
  return gib >= 1 ? { found } : { found, fix: 'give this process at least 1 GiB.' };
}

function settingsValid(): CheckResult {
  try {
    const { models, family, device, workers, threads } = settings();
    return { found: `family ${family} in ${models} on ${device}, ${workers} workers of ${threads} threads` };
  } catch (error) {
    return {
      found: messageOf(error),
      fix: 'correct or unset the named setting; alara serve --help lists the settings.',
    };
  }
}

function models(): CheckResult {
  const config = settings();
  try {
    const { family, vocabulary, costs, costProblems } = openRouter(config);
    const { variants, findings } = family.catalog;
    const origin = costs.source === 'host' ? 'measured on this host' : 'from the catalog';
    const summary = `${family.folder}: ${variants.length} variants, ${findings.length} findings, policy ${vocabulary.defaultPolicy}, costs of ${costs.device} ${origin}`;
    // Costs of another device give valid plans, so the check passes.
    return { found: [summary, ...costProblems.map(({ problem }) => problem)].join('\n') };
  } catch (error) {
    const known = families(config.models);
    const others = known.length > 0 ? `, or choose a family: ALARA_FAMILY=${known[0]}` : '';
    return {
      found: messageOf(error),
      fix: `restore ${config.models}, or name another folder in ALARA_MODELS${others}.`,
    };
  }
}

async function digests(): Promise<CheckResult> {
  const { family } = router();
  const { variants } = family.catalog;
  const hashed = variants.map(async (variant) =>
    digestFault(await readFile(join(family.folder, variant.file)), variant, family),
  );
  const mismatches = (await Promise.all(hashed)).filter((fault) => fault !== undefined);
  if (mismatches.length === 0) return { found: `all ${variants.length} model files match the catalog` };
  return { found: mismatches.join('\n      '), fix: 'restore these files; alara catalog verify checks them again.' };
}

async function onnxRuntime(): Promise<CheckResult> {
  const { family, costs } = router();
  const [cheapest] = [...family.catalog.variants].sort((a, b) => costs.of(a) - costs.of(b));
  if (!cheapest) throw new Error('a catalog has at least one variant');
  try {
    // Import ONNX Runtime only here, so that the other checks run even if its native library does not load.
    const { verify } = await import('./verify.ts');
    const { ok, detail } = await verify(cheapest, family, settings().device);
    if (ok) return { found: `ran ${cheapest.id}: ${detail}` };
    return { found: detail, fix: 'alara catalog verify tries every variant; if none runs, reinstall with npm ci.' };
  } catch (error) {
    return {
      found: messageOf(error),
      fix: 'the native library of ONNX Runtime does not load: reinstall with npm ci on this machine.',
    };
  }
}

/** A white pixel. */
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg==';

async function sharpDecodes(): Promise<CheckResult> {
  try {
    const { default: sharp } = await import('sharp');
    const { info, data } = await sharp(Buffer.from(png, 'base64')).raw().toBuffer({ resolveWithObject: true });
    if (info.width === 1 && data[0] === 255) return { found: `decoded a PNG with libvips ${sharp.versions.vips}` };
    return { found: 'decoded a PNG wrongly', fix: 'reinstall with npm ci on this machine.' };
  } catch (error) {
    return {
      found: messageOf(error),
      fix: 'the native library of sharp does not load: reinstall with npm ci on this machine.',
    };
  }
}

async function dataFolder(): Promise<CheckResult> {
  const { data } = settings();
  try {
    const created = await mkdir(data, { recursive: true });
    await rm(await mkdtemp(join(data, 'doctor-')), { recursive: true });
    // Remove what the check created.
    if (created) await rm(created, { recursive: true });
    return { found: `${data} can be written` };
  } catch (error) {
    return {
      found: `${data}: ${inPlainWords(error)}`,
      fix: `make ${data} writable, or name another folder in ALARA_DATA.`,
    };
  }
}

async function pacs(): Promise<readonly CheckResult[]> {
  const setting = settings().pacs;
  if (setting === undefined) return [{ found: 'ALARA_PACS is not set: no PACS is connected' }];
  let config: PacsConfig;
  try {
    config = readPacsConfig(setting);
    const models = routerIfAny();
    if (models) for (const [name, entry] of Object.entries(config)) pacsRequest(name, entry, models);
  } catch (error) {
    if (error instanceof ConfigError)
      return [{ found: error.message, fix: 'correct the named setting; docs/pacs.md lists the settings.' }];
    throw error;
  }
  const found = await Promise.all(
    Object.entries(config).map(async ([name, entry]) =>
      (await checkPacs(name, entry)).map(({ what, ...finding }) => ({
        ...finding,
        found: `${name}, ${what}: ${finding.found}`,
      })),
    ),
  );
  return found.flat();
}

/** Undefined if the models are in a store, or cannot be loaded. The check `models` reports models that cannot be loaded. */
function routerIfAny() {
  try {
    return router();
  } catch {
    return undefined;
  }
}

async function portFree(): Promise<CheckResult> {
  const { host, port } = settings();
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return { found: `${host}:${port} is free` };
  } catch (error) {
    if (await isAlara(host, port)) return { found: `${host}:${port} is in use by a running Alara` };
    return {
      found: `${host}:${port}: ${inPlainWords(error)}`,
      fix: `stop the process that uses the port, or choose another port: PORT=${port + 1} npm start`,
    };
  } finally {
    server.close();
  }
}

const Health = z.object({ status: z.enum(['ready', 'starting', 'failed']), device: z.string(), family: z.string() });

/** Whether Alara answers on a port. */
async function isAlara(host: string, port: number): Promise<boolean> {
  // A wildcard address is not a destination, so loopback is used.
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  try {
    const url = `http://${name.includes(':') ? `[${name}]` : name}:${port}/health/ready`;
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5000) });
    return Health.safeParse(await response.json()).success;
  } catch {
    return false;
  }
}
