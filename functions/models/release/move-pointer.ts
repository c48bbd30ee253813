import type { KeyObject } from 'node:crypto';
import { Catalog } from '../../core/catalog.ts';
import { CatalogError } from '../catalog-error.ts';
import { type Channel, encode, keys, type Manifest, type Pointer, parseObject } from '../manifest.ts';
import { readFileOf, readManifest, readPointer } from '../release-reader.ts';
import type { Objects } from '../store/object-store.ts';
import { type Modifications, type Record, recordsBack, writeRecord } from './record.ts';
import { type BestEffort, bestEffort, type Unreadable } from './tolerant-read.ts';

/** Another process moved the pointer, so the basis of this decision no longer holds. */
export class Overtaken extends CatalogError {
  override name = 'Overtaken';
}

/** The person who signs off a change, the reason, and the signing key. */
export type SignOff = { readonly by: string; readonly reason: string; readonly key?: KeyObject | undefined };

/** A move of a channel's pointer, and the basis of the decision. */
export type Move = Pick<Record, 'kind' | 'channel' | 'modificationProtocol' | 'impactAssessment'> & {
  readonly to: { readonly digest: string; readonly manifest: Manifest };
  /** The pointer at the time of the decision. The move succeeds only if the pointer has not changed. */
  readonly standing: Awaited<ReturnType<typeof readPointer>>;
  readonly signOff: SignOff;
};

export type Moved = { readonly record: string; readonly from: string | null; readonly to: string };

/** Write the record, then move the pointer. Throws {@link Overtaken}. Only records in the chain of the pointer count. */
export async function move(objects: Objects, { to, standing, signOff, ...what }: Move): Promise<Moved> {
  const { family } = to.manifest;
  const before = standing?.pointer;
  const from = before?.manifest ?? null;
  // The family that is replaced may be corrupt, and then it must be possible to leave it.
  const past = bestEffort();
  const old = from === null ? undefined : await past.orNote(readManifest(objects, family, from));
  const descriptionOfModifications = await modifications(objects, old, to.manifest, past);
  const previous = what.kind === 'rollback' ? await past.orNote(beforeThat(objects, family, before)) : from;
  const { by, reason, key } = signOff;
  const time = new Date().toISOString();
  const record = await writeRecord(
    objects,
    {
      schema: 'alara.record/1',
      ...{ ...what, family, time, by, reason, from, to: to.digest },
      previousRecord: before?.record ?? null,
      ...(past.notes.length > 0 && { unreadable: past.notes }),
      descriptionOfModifications,
    },
    key,
  );
  const isKnown = previous !== null && previous !== 'unreadable';
  const pointer: Pointer = { manifest: to.digest, since: time, record, ...(isKnown && { previous }) };
  const place = keys(family).pointer(what.channel);
  const moved = standing
    ? await objects.replace(place, encode(pointer), standing.etag)
    : await objects.create(place, encode(pointer));
  // A repeated try after a lost answer finds the result of the first try.
  const now = moved ? undefined : await readPointer(objects, family, what.channel);
  if (moved || now?.pointer.record === record) return { record, from, to: to.digest };
  throw new Overtaken(
    `the channel ${what.channel} of ${family} was moved by somebody else meanwhile, and is left as they moved it. Look at it with alara catalog channels, then decide again.`,
  );
}

/**
 * The manifest that a second rollback returns to: the one before the manifest that this rollback returns to. Each rollback undoes the
 * last change that is not undone yet, so repeated rollbacks end. Throws CatalogError.
 */
async function beforeThat(objects: Objects, family: string, pointer: Pointer | undefined): Promise<string | null> {
  if (!pointer) return null;
  // This rollback is not in the records yet.
  let undone = 1;
  for await (const { record } of recordsBack(objects, family, pointer.record)) {
    if (record.kind === 'rollback') undone++;
    else if (undone === 0) return record.from;
    else undone--;
  }
  return null;
}

/** Move a channel's pointer back to the manifest before. Throws CatalogError if there is none. */
export async function rollback(
  objects: Objects,
  family: string,
  channel: Channel,
  standing: Move['standing'],
  signOff: SignOff,
): Promise<Moved> {
  const previous = standing?.pointer.previous;
  if (previous === undefined)
    throw new CatalogError(
      standing
        ? `the channel ${channel} of ${family} points to the first manifest that it ever had: there is nothing to go back to.`
        : `${objects.url} has no family ${family} on the channel ${channel}.`,
    );
  return move(objects, {
    kind: 'rollback',
    channel,
    to: { digest: previous, manifest: await readManifest(objects, family, previous) },
    standing,
    signOff,
    modificationProtocol: null,
    impactAssessment: {
      conclusion:
        'Goes back to what this channel served before; nothing was compared, so that a rollback is never held up.',
      comparisons: [],
    },
  });
}

/** The changes from one manifest to another, per file, as far as the earlier files can be read. */
async function modifications(
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
async function catalogOf(objects: Objects, manifest: Manifest): Promise<Catalog> {
  const entry = manifest.files['catalog.json'];
  if (!entry) throw new Error('a manifest was published without its catalog');
  return parseObject(Catalog, await readFileOf(objects, manifest.family, entry), 'catalog.json');
}

function changes(before: Manifest['files'], after: Manifest['files']): Exclude<Modifications['files'], 'unreadable'> {
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
