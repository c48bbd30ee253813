import { createHash } from 'node:crypto';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { type Objects, StoreAway } from './object-store.ts';

/** Published families under a prefix of a bucket. */
export function s3Objects(client: S3Client, bucket: string, prefix: string): Objects {
  const keyOf = (key: string) => ({ Bucket: bucket, Key: prefix === '' ? key : `${prefix}/${key}` });

  /** Put under a condition; false when it is not met. */
  async function put(key: string, bytes: Uint8Array, condition: { IfMatch: string } | { IfNoneMatch: '*' }) {
    const ChecksumSHA256 = createHash('sha256').update(bytes).digest('base64');
    try {
      await client.send(new PutObjectCommand({ ...keyOf(key), ...condition, Body: bytes, ChecksumSHA256 }));
      return true;
    } catch (error) {
      // 409: two conditional writes at the same time. 404: what was to be replaced is gone.
      if ([404, 409, 412].includes(statusOf(error) ?? 0)) return false;
      throw away(error);
    }
  }

  return {
    url: `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`,
    async read(key, etag) {
      try {
        const found = await client.send(new GetObjectCommand({ ...keyOf(key), ...(etag && { IfNoneMatch: etag }) }));
        return { bytes: (await found.Body?.transformToByteArray()) ?? new Uint8Array(), etag: found.ETag ?? '' };
      } catch (error) {
        if (statusOf(error) === 304) return 'unchanged';
        if (statusOf(error) === 404) return undefined;
        throw away(error);
      }
    },
    async head(key) {
      try {
        const head = await client.send(new HeadObjectCommand({ ...keyOf(key), ChecksumMode: 'ENABLED' }));
        const { ContentLength = 0, ETag = '', ChecksumSHA256: checksum = '' } = head;
        // Of an object that was sent in parts it is the digest of their digests, followed by their number.
        const sha256 = /^[^-]+$/.test(checksum) && Buffer.from(checksum, 'base64').toString('hex');
        return { bytes: ContentLength, etag: ETag, ...(sha256 && { sha256 }) };
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw away(error);
      }
    },
    async range(key, etag, start, end) {
      try {
        const Range = `bytes=${start}-${end - 1}`;
        const found = await client.send(new GetObjectCommand({ ...keyOf(key), Range, IfMatch: etag }));
        return (await found.Body?.transformToByteArray()) ?? new Uint8Array();
      } catch (error) {
        throw away(error);
      }
    },
    create: (key, bytes) => put(key, bytes, { IfNoneMatch: '*' }),
    replace: (key, bytes, etag) => put(key, bytes, { IfMatch: etag }),
    async list(start) {
      const keys: string[] = [];
      const { Bucket, Key: Prefix } = keyOf(start);
      let ContinuationToken: string | undefined;
      try {
        do {
          const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }));
          for (const { Key = '' } of page.Contents ?? []) keys.push(Key.slice(Prefix.length - start.length));
          ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
        } while (ContinuationToken !== undefined);
      } catch (error) {
        throw away(error);
      }
      return keys.sort();
    },
  };
}

const statusOf = (error: unknown) => (error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined);

/** Whatever else S3 says, or that it says nothing, comes to the same for who needs an object now. */
function away(error: unknown): StoreAway {
  const says = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new StoreAway(`S3 does not give what it is asked for (${says})`, { cause: error });
}
