import { PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { type Bucket, type ObjectHead, partBytes, statusOf } from '../../platform/aws/bucket.ts';
import { sha256Sync } from '../../platform/digest.ts';
import { sealOverheadBytes, type Vault } from '../../platform/vault.ts';
import { type Blobs, BlobTooLarge, type Presigned, whole } from '../blobs.ts';

/** What marks an object that this service has sealed. */
export const sealedObject = { Metadata: { sealed: '1' }, ContentType: 'application/octet-stream' } as const;

/** The prefix of films in the bucket. Readings and jobs have other prefixes. */
const prefix = 'blobs/';

/**
 * Films as objects of a bucket. This service seals what it stores and marks it by metadata that only it may write. Films
 * that callers PUT to a presigned URL are encrypted by the bucket's own key alone.
 */
export function awsBlobs(bucket: Bucket, vault: Vault): Blobs {
  // The key is a digest, because ids contain UIDs, and keys appear in logs and listings.
  const keyOf = (id: string) => `${prefix}${sha256Sync(id)}`;
  const context = (id: string) => JSON.stringify(['blob', id]);

  const read: Blobs['read'] = async (id, take) => {
    const found = await bucket.get(keyOf(id));
    if (!found) return undefined;
    try {
      const bytes = bytesOf(found);
      return await take(isSealed(found) ? vault.openStream(found.chunks(), context(id)) : found.chunks(), bytes);
    } finally {
      found.discard();
    }
  };

  return {
    async put(id, bytes, limitBytes) {
      let total = 0;
      async function* within() {
        for await (const chunk of bytes) {
          total += chunk.length;
          // Throwing here cancels the stream, so the rest is not read.
          if (total > limitBytes) throw new OverLimit();
          yield chunk;
        }
      }
      try {
        await bucket.putStream(keyOf(id), vault.sealStream(within(), context(id)), sealedObject);
        return { bytes: total };
      } catch (error) {
        if (error instanceof OverLimit) return undefined;
        throw error;
      }
    },
    get: (id) => read(id, whole),
    read,
    async size(id) {
      const found = await bucket.head(keyOf(id));
      return found && bytesOf(found);
    },
    has: async (id) => (await bucket.head(keyOf(id))) !== undefined,
    heldBytes,
    remove: (id) => bucket.remove(keyOf(id)),
    async prune(before, keep = new Set()) {
      const kept = new Set([...keep].map(keyOf));
      let pruned = 0;
      for await (const { key, etag, lastModified } of bucket.list(prefix)) {
        if (kept.has(key) || lastModified >= before) continue;
        if (await removedVersion(bucket, key, etag)) pruned++;
      }
      return pruned;
    },
    presign: (id, limitBytes, seconds) => presignPut(bucket, keyOf(id), limitBytes, seconds),
  };
}

class OverLimit extends Error {}

/** Bytes in memory during an upload: one part plus the chunks of the next part. */
const heldBytes = partBytes + 2 ** 20;

const isSealed = ({ metadata }: ObjectHead) => metadata['sealed'] === '1';

/** The size of a film. S3 accepts a presigned PUT of any size, so the limit is checked here. */
function bytesOf(found: ObjectHead): number {
  if (isSealed(found)) return found.bytes - sealOverheadBytes;
  const limitBytes = Number(found.metadata['limit'] ?? 0);
  if (found.bytes > limitBytes) throw new BlobTooLarge(limitBytes);
  return found.bytes;
}

/** Remove one version of an object. False if the object was replaced after the listing. */
async function removedVersion(bucket: Bucket, key: string, etag: string): Promise<boolean> {
  try {
    await bucket.remove(key, etag);
    return true;
  } catch (error) {
    if ([404, 409, 412].includes(statusOf(error) ?? 0)) return false;
    throw error;
  }
}

/**
 * A presigned URL to which a caller may PUT one object. The size limit is signed as metadata, which S3 stores beside the
 * bytes. S3 refuses a PUT that omits or changes the metadata. This service never reads an object that exceeds its limit.
 */
async function presignPut(
  { client, name }: Bucket,
  key: string,
  limitBytes: number,
  seconds: number,
): Promise<Presigned> {
  const signed = { 'content-type': 'application/octet-stream', 'x-amz-meta-limit': String(limitBytes) };
  const command = new PutObjectCommand({
    Bucket: name,
    Key: key,
    ContentType: signed['content-type'],
    Metadata: { limit: signed['x-amz-meta-limit'] },
  });
  const now = new Date();
  const url = await getSignedUrl(client, command, {
    expiresIn: seconds,
    signingDate: now,
    // Signed as headers. A caller could leave out signed parts of the URL.
    signableHeaders: new Set(['host', 'content-type']),
    unhoistableHeaders: new Set(['x-amz-meta-limit']),
  });
  // The URL expires with the credentials that signed it, if they expire first.
  const { expiration } = await client.config.credentials();
  const expires = now.getTime() + 1000 * seconds;
  return { url, headers: signed, expiresAt: new Date(Math.min(expires, expiration?.getTime() ?? expires)) };
}
