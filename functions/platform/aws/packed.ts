import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Vault } from '../vault.ts';
import type { Objects } from './objects.ts';

/** A sealed value where an item has room for it, else the object that it lies in. */
export type Packed = { readonly sealed: Uint8Array } | { readonly lies: string };

/** Keeps values of any size as parts of items, compressed and sealed. */
export type Packer = {
  pack(value: unknown, context: string): Promise<Packed>;
  /** The value; undefined when it lay in an object that was dropped since, because the item holds another by now. */
  unpack<Value>(packed: Packed, context: string): Promise<Value | undefined>;
  /** Forget what lies outside of its item, once the item points to it no more. */
  drop(packed: Packed | undefined): Promise<void>;
};

/** An item holds 400 KB, names and other attributes included. */
const roomBytes = 300_000;

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/** Values that an item has no room for lie in a bucket, as films do. Each has a place of its own, so none is replaced. */
export function openPacker(vault: Vault, objects: Objects): Packer {
  return {
    async pack(value, context) {
      const sealed = vault.seal(await zip(JSON.stringify(value)), context);
      if (sealed.length <= roomBytes) return { sealed };
      const lies = `overflow/${randomUUID()}`;
      await objects.put(lies, only(sealed));
      return { lies };
    },
    async unpack<Value>(packed: Packed, context: string) {
      const sealed = 'sealed' in packed ? packed.sealed : await (await objects.get(packed.lies))?.read();
      return sealed && (JSON.parse((await unzip(vault.open(sealed, context))).toString()) as Value);
    },
    async drop(packed) {
      if (packed && 'lies' in packed) await objects.remove(packed.lies);
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
