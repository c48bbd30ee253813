import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { applyEdits, type JSONPath, modify } from 'jsonc-parser';
import { z } from 'zod';
import { Catalog, type DeviceCosts } from '../core/catalog.ts';
import { messageOf } from '../core/errors.ts';
import { inPlainWords, issueInWords, jsonProblem } from '../core/plain-words.ts';
import { publish } from '../platform/atomic-file.ts';
import { sha256Sync } from '../platform/digest.ts';
import { CatalogError } from './catalog-error.ts';
import type { LoadedFamily } from './load.ts';
import { readText } from './read-bounded.ts';

const Milliseconds = z.number().positive();

/** The costs that `alara catalog measure` stores on a host, for one catalog and one device. */
export const MeasuredCosts = z.strictObject({
  family: z.string(),
  /** SHA-256 of the measured catalog. */
  catalog: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  device: z.string(),
  measuredOn: z.string().min(1).max(1000),
  /** The reference film, in words. */
  film: z.string(),
  rounds: z.int().positive(),
  variants: z.record(z.string(), z.strictObject({ decodeMs: Milliseconds, ms: Milliseconds })),
});
export type MeasuredCosts = z.infer<typeof MeasuredCosts>;

/** The file of the measured costs in ALARA_DATA. */
export const costsFile = (data: string): string => join(data, 'costs.json');

/** Store the costs of a host, for the service and the other commands. Returns the path. */
export function storeCosts(data: string, costs: MeasuredCosts): string {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const path = costsFile(data);
  replaceFile(path, `${JSON.stringify(costs, null, 2)}\n`, 0o600);
  return path;
}

/** The costs of a host, or why its file of costs is not used. Both are undefined if nothing was measured. */
export type HostCosts = { readonly costs?: DeviceCosts; readonly problem?: string };

/** The costs that were measured on this host for a family and a device. */
export function hostCosts(data: string, { catalog, digest }: LoadedFamily, device: string): HostCosts {
  const path = costsFile(data);
  const ignored = (why: string): HostCosts => ({
    problem: `${path} is ignored, ${why}. Run alara catalog measure again, or delete the file.`,
  });
  if (!existsSync(path)) return {};
  const read = readCosts(path);
  if (typeof read === 'string') return ignored(`because ${read}`);
  if (read.catalog !== `sha256:${digest}`)
    return ignored(`because its costs were measured for another catalog of ${read.family}`);
  if (read.device !== device)
    return ignored(`because its costs are those of ${read.device}, and the models run on ${device}`);
  const missing = catalog.variants.find(({ id }) => !Object.hasOwn(read.variants, id));
  if (missing) return ignored(`because it has no cost of ${missing.id}`);
  return { costs: read };
}

/** The content of a file of costs, or its fault. */
function readCosts(path: string): MeasuredCosts | string {
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    return error instanceof CatalogError ? 'it is too large or no file' : `it cannot be read: ${inPlainWords(error)}`;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return `it ${jsonProblem(error)}`;
  }
  const parsed = MeasuredCosts.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return issue ? `its ${issue.path.join('.') || 'content'} is wrong: ${issueInWords(issue)}` : 'its content is wrong';
}

/**
 * Write the costs of one device into the catalog of a family folder. The rest of the file stays as it is. Returns the path. Throws
 * CatalogError if the file has changed since it was loaded.
 */
export function writeCosts({ folder, digest }: LoadedFamily, costs: MeasuredCosts): string {
  // A link stays a link.
  const path = realpathSync(join(folder, 'catalog.json'));
  const before = readFileSync(path, 'utf8');
  if (sha256Sync(before) !== digest)
    throw new CatalogError(`${path} changed during the measurement. Nothing was written; measure again.`);
  const after = withCosts(before, costs);
  const parsed = Catalog.safeParse(JSON.parse(after));
  if (!parsed.success)
    throw new CatalogError(`${path} would not be a valid catalog: ${messageOf(parsed.error)}. Nothing was written.`);
  replaceFile(path, after, statSync(path).mode);
  return path;
}

/** The text of a catalog with the costs of one device. */
export function withCosts(text: string, { device, measuredOn, variants }: DeviceCosts): string {
  const indent = /\n([ \t]+)/.exec(text)?.[1] ?? '  ';
  const formattingOptions = {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 1 : indent.length,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
  const set = (before: string, path: JSONPath, value: unknown) =>
    applyEdits(before, modify(before, path, value, { formattingOptions }));
  return Catalog.parse(JSON.parse(text)).variants.reduce((edited, { id }, i) => {
    const row = variants[id];
    if (!row) throw new Error(`no cost of ${id} was measured`);
    const at = (part: string) => ['variants', i, 'cost', part, device];
    return [
      [at('ms'), row.ms] as const,
      [at('decodeMs'), row.decodeMs] as const,
      [at('measuredOn'), measuredOn] as const,
    ].reduce((sofar, [path, value]) => set(sofar, path, value), edited);
  }, text);
}

/** Replace a file as a whole: a reader sees the old or the new content. */
function replaceFile(path: string, text: string, mode: number): void {
  const part = join(dirname(path), `.${randomUUID()}.part`);
  writeFileSync(part, text, { flush: true, mode });
  publish(part, path);
}
