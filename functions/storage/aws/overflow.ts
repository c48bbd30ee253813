import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Bucket } from '../../platform/aws/bucket.ts';
import type { Vault } from '../../platform/vault.ts';
import { sealedObject } from './blobs.ts';
import type { Key, Table } from './table.ts';

/** A sealed value where an item has room for it, else the object that it lies in. */
export type Packed = { readonly sealed: Uint8Array } | { readonly lies: string };

/**
 * Keeps values of any size as parts of items, compressed and sealed. An object and the item that points to it are written
 * one after the other: until both steps are done the object is noted, so that who dies in between leaves nothing behind.
 */
export type Packer = {
  /** `owner` is the item that will point to it. Settle it when it does, drop it if it never will. */
  pack(value: unknown, context: string, owner: Key): Promise<Packed>;
  settle(packed: Packed | undefined): Promise<void>;
  /** The value; undefined when it lay in an object that was dropped since, because the item holds another by now. */
  unpack<Value>(packed: Packed, context: string): Promise<Value | undefined>;
  /** The item is about to point to it no more: drop it then. */
  leave(packed: Packed | undefined, owner: Key): Promise<void>;
  /** Forget what lies outside of its item, once the item points to it no more. */
  drop(packed: Packed | undefined): Promise<void>;
  /** Forget what was noted before then and has no item that points to it; the number that were. */
  sweep(before: Date): Promise<number>;
};

/** An item holds 400 KB, names and other attributes included. */
const roomBytes = 300_000;

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/** Values that an item has no room for lie in a bucket, as films do. Each has a place of its own, so none is replaced. */
export function openPacker(vault: Vault, bucket: Bucket, table: Table): Packer {
  const pk = 'overflow';
  const note = (lies: string, { pk: ownerPk, sk: ownerSk }: Key) =>
    table.create({ pk, sk: lies }, { ownerPk, ownerSk, since: new Date().toISOString() });

  return {
    async pack(value, context, owner) {
      const sealed = vault.seal(await zip(JSON.stringify(value)), context);
      if (sealed.length <= roomBytes) return { sealed };
      const lies = `overflow/${randomUUID()}`;
      await note(lies, owner);
      await bucket.putStream(lies, only(sealed), sealedObject);
      return { lies };
    },
    async settle(packed) {
      if (packed && 'lies' in packed) await table.remove({ pk, sk: packed.lies });
    },
    async unpack<Value>(packed: Packed, context: string) {
      const sealed = 'sealed' in packed ? packed.sealed : await (await bucket.get(packed.lies))?.read();
      return sealed && (JSON.parse((await unzip(vault.open(sealed, context))).toString()) as Value);
    },
    async leave(packed, owner) {
      if (packed && 'lies' in packed) await note(packed.lies, owner);
    },
    async drop(packed) {
      if (!packed || !('lies' in packed)) return;
      await bucket.remove(packed.lies);
      await table.remove({ pk, sk: packed.lies });
    },
    async sweep(before) {
      const noted = table.query({
        ...{ KeyConditionExpression: 'pk = :pk', FilterExpression: 'since < :before', ConsistentRead: true },
        ExpressionAttributeValues: { ':pk': pk, ':before': before.toISOString() },
      });
      let swept = 0;
      for await (const { sk: lies, ownerPk, ownerSk } of noted) {
        const owner = await table.get({ pk: String(ownerPk), sk: String(ownerSk) });
        if (owner?.['lies'] !== lies) {
          await bucket.remove(lies);
          swept++;
        }
        await table.remove({ pk, sk: lies });
      }
      return swept;
    },
  };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The packed value in an item. */
export function packedIn(item: Readonly<Record<string, unknown>>): Packed | undefined {
  const { sealed, lies } = item;
  if (sealed instanceof Uint8Array) return { sealed };
  return typeof lies === 'string' ? { lies } : undefined;
}
