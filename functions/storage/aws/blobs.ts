import { S3ServiceException } from '@aws-sdk/client-s3';
import { sha256Sync } from '../../platform/digest.ts';
import { sealBytes, type Vault } from '../../platform/vault.ts';
import { type Blobs, BlobTooLarge, whole } from '../blobs.ts';
import { type Got, type Objects, partBytes } from './objects.ts';
import { presignPut } from './presign.ts';

/** The films under one prefix of a bucket. Other objects of the bucket belong to readings and jobs. */
const prefix = 'blobs/';

/**
 * Sealed objects, and those that callers sent by themselves: nothing seals these but the bucket's own key, and what tells
 * them apart is the metadata that only this service writes.
 */
export function awsBlobs(objects: Objects, vault: Vault): Blobs {
  // A digest as the name: ids hold UIDs, and keys are seen in logs and listings.
  const keyOf = (id: string) => `${prefix}${sha256Sync(id)}`;
  const context = (id: string) => JSON.stringify(['blob', id]);

  const read: Blobs['read'] = async (id, take) => {
    const found = await objects.get(keyOf(id));
    if (!found) return undefined;
    try {
      const bytes = bytesOf(found);
      return await take(isSealed(found) ? vault.openStream(found.pieces(), context(id)) : found.pieces(), bytes);
    } finally {
      // Whatever was not taken stays where it is.
      found.discard();
    }
  };

  return {
    async put(id, bytes, limitBytes) {
      let total = 0;
      async function* within() {
        for await (const chunk of bytes) {
          total += chunk.length;
          // Ending here cancels the stream: the rest is not even read.
          if (total > limitBytes) throw new OverLimit();
          yield chunk;
        }
      }
      try {
        await objects.put(keyOf(id), vault.sealStream(within(), context(id)));
        return { bytes: total };
      } catch (error) {
        if (error instanceof OverLimit) return undefined;
        throw error;
      }
    },
    get: (id) => read(id, whole),
    read,
    async size(id) {
      const found = await objects.head(keyOf(id));
      return found && bytesOf(found);
    },
    has: async (id) => (await objects.head(keyOf(id))) !== undefined,
    heldBytes,
    remove: (id) => objects.remove(keyOf(id)),
    async prune(before, keep = new Set()) {
      const kept = new Set([...keep].map(keyOf));
      let pruned = 0;
      for await (const { key, etag, lastModified } of objects.list(prefix)) {
        if (kept.has(key) || lastModified >= before) continue;
        // What was put again between the look and the removal stays.
        if (await removed(objects, key, etag)) pruned++;
      }
      return pruned;
    },
    presign: (id, limitBytes, seconds) => presignPut(objects, keyOf(id), limitBytes, seconds),
  };
}

class OverLimit extends Error {}

/** What a part of an upload takes, and what waits behind it. */
const heldBytes = partBytes + 2 ** 20;

const isSealed = ({ metadata }: Pick<Got, 'metadata'>) => metadata['sealed'] === '1';

/** S3 takes a signed PUT of any length: its limit holds from here on. */
function bytesOf({ metadata, bytes }: Pick<Got, 'metadata' | 'bytes'>): number {
  if (isSealed({ metadata })) return bytes - sealBytes;
  const limitBytes = Number(metadata['limit'] ?? 0);
  if (bytes > limitBytes) throw new BlobTooLarge(limitBytes);
  return bytes;
}

async function removed(objects: Objects, key: string, etag: string): Promise<boolean> {
  try {
    await objects.remove(key, etag);
    return true;
  } catch (error) {
    const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
    if (status === 404 || status === 409 || status === 412) return false;
    throw error;
  }
}
