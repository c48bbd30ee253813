import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Bucket } from '../../platform/aws/bucket.ts';
import type { Vault } from '../../platform/vault.ts';
import { sealedObject } from './blobs.ts';
import type { Key, Table } from './table.ts';

/** An encrypted value in its item, or the key of the object that contains it. */
export type Packed = { readonly sealed: Uint8Array } | { readonly lies: string };

/**
 * Stores values of any size as parts of items, compressed and encrypted. A value that is too large for an item is an object
 * that the item points to. Both are written one after the other. Until then the table has a note of the object, so that
 * the sweep removes the object if the process dies in between.
 */
export type Packer = {
  /** Pack a value. `owner` is the item that will point to it. Then call `settle`, or `drop` if the item is not written. */
  pack(value: unknown, context: string, owner: Key): Promise<Packed>;
  /** The item points to the object now: remove the note. */
  settle(packed: Packed | undefined): Promise<void>;
  /** The value. Undefined where its object was dropped, because the item has another value by now. */
  unpack<Value>(packed: Packed, context: string): Promise<Value | undefined>;
  /** Note the object before the item stops pointing to it. Then call `drop`. */
  detach(packed: Packed | undefined, owner: Key): Promise<void>;
  /** Delete the object, once no item points to it. */
  drop(packed: Packed | undefined): Promise<void>;
  /** Delete objects that were noted before `before` and that no item points to. Returns their number. */
  sweep(before: Date): Promise<number>;
};

/** DynamoDB limits an item to 400 KB, names and other attributes included. */
const maxSealedBytes = 300_000;

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/** Open a packer. Every large value gets an object of its own, so no object is ever replaced. */
export function openPacker(vault: Vault, bucket: Bucket, table: Table): Packer {
  const pk = 'overflow';
  const note = (lies: string, { pk: ownerPk, sk: ownerSk }: Key) =>
    table.create({ pk, sk: lies }, { ownerPk, ownerSk, since: new Date().toISOString() });

  return {
    async pack(value, context, owner) {
      const sealed = vault.seal(await zip(JSON.stringify(value)), context);
      if (sealed.length <= maxSealedBytes) return { sealed };
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
    async detach(packed, owner) {
      if (packed && 'lies' in packed) await note(packed.lies, owner);
    },
    async drop(packed) {
      if (!packed || !('lies' in packed)) return;
      await bucket.remove(packed.lies);
      await table.remove({ pk, sk: packed.lies });
    },
    async sweep(before) {
      const noted = table.query({
        KeyConditionExpression: 'pk = :pk',
        FilterExpression: 'since < :before',
        ConsistentRead: true,
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
