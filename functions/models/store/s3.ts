import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { openBucket, statusOf } from '../../platform/aws/bucket.ts';
import { storeProblem } from '../../platform/aws/errors.ts';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';
import type { Objects } from './object-store.ts';

/** An object store under a prefix of a bucket. */
export function s3Objects(client: S3Client, bucketName: string, prefix: string): Objects {
  const bucket = openBucket(client, bucketName);
  const folder = prefix === '' ? '' : `${prefix}/`;

  /** Conditional put. False if the condition is not met. */
  async function put(key: string, bytes: Uint8Array, condition: { IfMatch: string } | { IfNoneMatch: '*' }) {
    const ChecksumSHA256 = createHash('sha256').update(bytes).digest('base64');
    try {
      await bucket.put(folder + key, bytes, { ...condition, ChecksumSHA256 });
      return true;
    } catch (error) {
      // 409: two conditional writes at the same time. 404: the version to replace is gone.
      if ([404, 409, 412].includes(statusOf(error) ?? 0)) return false;
      throw unavailable(error);
    }
  }

  return {
    url: `s3://${bucketName}${prefix === '' ? '' : `/${prefix}`}`,
    async read(key, etag) {
      try {
        const found = await bucket.get(folder + key, etag ? { IfNoneMatch: etag } : {});
        return found && { bytes: await found.read(), etag: found.etag };
      } catch (error) {
        if (statusOf(error) === 304) return 'unchanged';
        // A bucket that does not exist has no objects.
        if (statusOf(error) === 404) return undefined;
        throw unavailable(error);
      }
    },
    async head(key) {
      try {
        const head = await bucket.head(folder + key, { ChecksumMode: 'ENABLED' });
        if (!head) return undefined;
        const { bytes, etag, checksumSha256 = '' } = head;
        // The checksum of a multipart upload is a digest of digests, followed by "-" and the number of parts.
        const sha256 = /^[^-]+$/.test(checksumSha256) && Buffer.from(checksumSha256, 'base64').toString('hex');
        return { bytes, etag, ...(sha256 && { sha256 }) };
      } catch (error) {
        throw unavailable(error);
      }
    },
    async range(key, etag, start, end) {
      try {
        const found = await bucket.get(folder + key, { Range: `bytes=${start}-${end - 1}`, IfMatch: etag });
        if (!found) throw new Error(`${key} is gone`);
        return await found.read();
      } catch (error) {
        throw unavailable(error);
      }
    },
    create: (key, bytes) => put(key, bytes, { IfNoneMatch: '*' }),
    replace: (key, bytes, etag) => put(key, bytes, { IfMatch: etag }),
    async list(start) {
      try {
        const keys = await Array.fromAsync(bucket.list(folder + start), ({ key }) => key.slice(folder.length));
        return keys.sort();
      } catch (error) {
        throw unavailable(error);
      }
    },
  };
}

/** For a caller that needs an object now, any other refusal has the same effect as no answer. */
const unavailable = (error: unknown): StoreUnavailable =>
  new StoreUnavailable(`S3 does not answer or refuses the request (${storeProblem(error)})`, { cause: error });
