import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ZodError, ZodType } from 'zod';
import { Catalog, Policy, type Variant } from '../core/catalog.ts';
import { issueInWords, jsonProblem } from '../core/plain-words.ts';
import { sha256Sync } from '../platform/digest.ts';
import { CatalogError } from './catalog-error.ts';
import { lineOf } from './json-line.ts';
import { readText } from './read-bounded.ts';

/** A family on disk with its text files checked. Model files are hashed on first use. */
export type LoadedFamily = {
  readonly folder: string;
  /** The folder of downloaded models, named by digest. Absent: the models are in `folder`. */
  readonly objects?: string;
  readonly catalog: Catalog;
  /** SHA-256 of catalog.json, in hexadecimal. */
  readonly digest: string;
  /** The policies of the family and the policies that all families share, by name. */
  readonly policies: Readonly<Record<string, Policy>>;
  readonly policyDigests: Readonly<Record<string, string>>;
  /** The name of the family's default policy, `policy.json`. */
  readonly ownPolicy: string;
};

/**
 * Load `<models>/<family>`. Its models are beside its catalog, or by digest in the folder `objects`. Throws {@link CatalogError} if a
 * file is missing or contradicts another.
 */
export function loadFamily(models: string, family: string, objects?: string): LoadedFamily {
  const folder = join(models, family);
  const path = join(folder, 'catalog.json');
  if (!existsSync(path)) {
    const found = families(models);
    throw new CatalogError(
      `${path} does not exist. ${found.length > 0 ? `Families in ${models}: ${found.join(', ')}.` : `There is no family in ${models}.`}`,
    );
  }
  const text = readText(path);
  const catalog = parse(path, text, Catalog);
  for (const [i, { id, file, bytes }] of objects === undefined ? catalog.variants.entries() : []) {
    const at = `${path}:${lineOf(text, ['variants', i, 'file'])}: variant ${id}`;
    if (!existsSync(join(folder, file))) throw new CatalogError(`${at}: its file ${file} is missing from ${folder}.`);
    const size = statSync(join(folder, file)).size;
    if (size !== bytes) throw new CatalogError(`${at}: ${file} has ${size} bytes, but the catalog says ${bytes}.`);
  }
  const own = loadPolicy(join(folder, 'policy.json'), catalog);
  const others = [join(folder, 'policies'), join(models, 'policies')].flatMap(policyFiles);
  const loaded = [own, ...others.map((file) => loadPolicy(file, catalog))];
  const twice = loaded.find(({ policy }, i) => loaded.some((other, j) => j < i && other.policy.name === policy.name));
  if (twice) throw new CatalogError(`two policies are named ${twice.policy.name}; rename one.`);
  return {
    folder,
    ...(objects !== undefined && { objects }),
    catalog,
    digest: sha256Sync(text),
    policies: Object.fromEntries(loaded.map(({ policy }) => [policy.name, policy])),
    ownPolicy: own.policy.name,
    policyDigests: Object.fromEntries(loaded.map(({ policy, digest }) => [policy.name, digest])),
  };
}

/** The families in a models folder. */
export function families(models: string): string[] {
  if (!existsSync(models)) return [];
  return readdirSync(models).filter((name) => existsSync(join(models, name, 'catalog.json')));
}

/** The policy files of a folder: those that a family has beside its own, or those that all families share. */
function policyFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(folder, name));
}

function loadPolicy(path: string, catalog: Catalog) {
  if (!existsSync(path)) throw new CatalogError(`${path} does not exist; a family states its own default policy.`);
  const text = readText(path);
  const policy = parse(path, text, Policy);
  for (const finding of Object.keys(policy.rules))
    if (!catalog.findings.includes(finding))
      throw new CatalogError(
        `${path}:${lineOf(text, ['rules', finding])}: a rule for ${finding}, which ${catalog.family} does not read.`,
      );
  const { operatingPoint } = policy;
  for (const { id, heads } of catalog.variants)
    for (const [finding, head] of Object.entries(heads))
      if (operatingPoint !== undefined && !head.operatingPoints[operatingPoint])
        throw new CatalogError(
          `${path}:${lineOf(text, ['operatingPoint'])}: ${id} has no operating point ${operatingPoint} for ${finding}; name one that every head has, or none.`,
        );
  const bare = catalog.findings.find((finding) => !policy.otherwise && !Object.hasOwn(policy.rules, finding));
  if (bare) throw new CatalogError(`${path}: no rule for ${bare}; add one, or a rule named otherwise.`);
  return { policy, digest: sha256Sync(text) };
}

function parse<Value>(path: string, text: string, schema: ZodType<Value>): Value {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CatalogError(`${path} ${jsonProblem(error)}.`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new CatalogError(describe(path, text, parsed.error));
  return parsed.data;
}

const describe = (path: string, text: string, error: ZodError) =>
  error.issues
    .map((issue) => {
      const where = issue.path.filter((key) => typeof key !== 'symbol');
      return `${path}:${lineOf(text, where)}: ${where.join('.') || 'the file'}: ${issueInWords(issue)}`;
    })
    .join('\n');

/** How a model file differs from the catalog, or undefined. */
export function digestFault(bytes: Uint8Array, { file, sha256 }: Variant, { folder }: Pick<LoadedFamily, 'folder'>) {
  const digest = sha256Sync(bytes);
  return digest === sha256
    ? undefined
    : `${file} in ${folder} has SHA-256 ${digest}, the catalog says ${sha256}. Restore it from where the family was published.`;
}
