import { type FileEntry, type Manifest, parseObject } from './manifest.ts';
import type { Objects } from './objects.ts';
import { readFileOf } from './read-published.ts';
import type { Modifications } from './record.ts';
import { Catalog } from './schema.ts';

/** What changes from one manifest to another, file by file. */
export async function modifications(
  objects: Objects,
  before: Manifest | undefined,
  after: Manifest,
): Promise<Modifications> {
  const [old, now] = await Promise.all([before && catalogOf(objects, before), catalogOf(objects, after)]);
  const findings = { before: new Set(old?.findings), after: new Set(now.findings) };
  return {
    files: changes(before?.files ?? {}, after.files),
    policies: changes(before?.policies ?? {}, after.policies),
    findings: {
      added: [...findings.after.difference(findings.before)],
      removed: [...findings.before.difference(findings.after)],
    },
    provenance: { from: old?.provenance ?? null, to: now.provenance },
  };
}

/** The catalog of a published family. */
export async function catalogOf(objects: Objects, manifest: Manifest): Promise<Catalog> {
  const entry = manifest.files['catalog.json'];
  if (!entry) throw new Error('a manifest was published without its catalog');
  return parseObject(Catalog, await readFileOf(objects, manifest.family, entry), 'catalog.json');
}

type Files = Readonly<Record<string, FileEntry>>;

function changes(before: Files, after: Files): Modifications['files'] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return Object.fromEntries(
    names.map((name) => {
      const [old, now] = [before[name]?.sha256, after[name]?.sha256];
      if (now === undefined) return [name, 'removed'];
      if (old === undefined) return [name, 'added'];
      return [name, old === now ? 'unchanged' : 'replaced'];
    }),
  );
}
