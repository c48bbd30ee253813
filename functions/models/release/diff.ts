import { Catalog } from '../../core/catalog.ts';
import { type FileEntry, type Manifest, parseObject } from '../manifest.ts';
import { readFileOf } from '../release-reader.ts';
import type { Objects } from '../store/object-store.ts';
import type { Modifications } from './record.ts';
import type { BestEffort, Unreadable } from './tolerant-read.ts';

/** The changes from one manifest to another, per file, as far as the earlier files can be read. */
export async function modifications(
  objects: Objects,
  before: Manifest | undefined | Unreadable,
  after: Manifest,
  { orNote }: BestEffort,
): Promise<Modifications> {
  const now = await catalogOf(objects, after);
  const old = typeof before === 'object' ? await orNote(catalogOf(objects, before)) : before;
  const changed = (part: 'files' | 'policies') =>
    before === 'unreadable' ? before : changes(before?.[part] ?? {}, after[part]);
  return {
    files: changed('files'),
    policies: changed('policies'),
    findings: old === 'unreadable' ? old : differences(old?.findings ?? [], now.findings),
    provenance: { from: old === 'unreadable' ? old : (old?.provenance ?? null), to: now.provenance },
  };
}

function differences(before: readonly string[], after: readonly string[]) {
  const [old, now] = [new Set(before), new Set(after)];
  return { added: [...now.difference(old)], removed: [...old.difference(now)] };
}

/** The catalog of a published family. */
export async function catalogOf(objects: Objects, manifest: Manifest): Promise<Catalog> {
  const entry = manifest.files['catalog.json'];
  if (!entry) throw new Error('a manifest was published without its catalog');
  return parseObject(Catalog, await readFileOf(objects, manifest.family, entry), 'catalog.json');
}

type Files = Readonly<Record<string, FileEntry>>;

function changes(before: Files, after: Files): Exclude<Modifications['files'], 'unreadable'> {
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
