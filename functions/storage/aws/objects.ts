import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  NotFound,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { asOutage } from '../../platform/aws/errors.ts';

export type ObjectHead = { readonly key: string; readonly etag: string; readonly lastModified: Date };
export type Got = { readonly metadata: Readonly<Record<string, string>>; readonly bytes: number } & {
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /** The same as it comes. */
  pieces(): AsyncGenerator<Uint8Array>;
  /** Leave the rest where it is. */
  discard(): void;
};

/** The objects of one bucket. */
export type Objects = ReturnType<typeof openObjects>;

/** A part of a large object: S3 takes no smaller ones than 5 MiB, and 10,000 at the most. */
export const partBytes = 8 * 2 ** 20;

export function openObjects(client: S3Client, bucket: string) {
  const Bucket = bucket;

  /** All of it or nothing: an upload in parts is seen when it is complete. */
  async function putParts(
    target: { Bucket: string; Key: string },
    parts: AsyncIterator<Uint8Array>,
    first: Uint8Array,
  ) {
    const { UploadId } = await client.send(
      new CreateMultipartUploadCommand({ ...target, Metadata: { sealed: '1' }, ContentType: binary }),
    );
    try {
      const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
      for (let part: Uint8Array | undefined = first; part; part = await next(parts)) {
        const PartNumber = Parts.length + 1;
        const { ETag } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body: part }));
        Parts.push({ PartNumber, ETag });
      }
      await client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }));
    } catch (error) {
      // What cannot be taken back now, the bucket's lifecycle does.
      await client.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined);
      throw error;
    }
  }

  return {
    bucket,
    client,
    /** Keep what a stream of sealed bytes brings. What the stream throws ends it, and nothing is kept. */
    async put(key: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
      const target = { Bucket, Key: key };
      const parts = inParts(bytes);
      const first = (await next(parts)) ?? new Uint8Array();
      if (first.length === partBytes) return putParts(target, parts, first);
      await client.send(
        new PutObjectCommand({ ...target, Body: first, Metadata: { sealed: '1' }, ContentType: binary }),
      );
      return undefined;
    },
    async get(key: string): Promise<Got | undefined> {
      try {
        const {
          Body,
          Metadata = {},
          ContentLength = 0,
        } = await client.send(new GetObjectCommand({ Bucket, Key: key }));
        return {
          metadata: Metadata,
          bytes: ContentLength,
          async read() {
            try {
              const read = (await Body?.transformToByteArray()) ?? new Uint8Array();
              // A buffer of their own, which can be given away.
              return new Uint8Array(read);
            } catch (error) {
              throw asOutage(error);
            }
          },
          async *pieces() {
            try {
              for await (const piece of (Body ?? []) as AsyncIterable<Uint8Array>) yield piece;
            } catch (error) {
              throw asOutage(error);
            }
          },
          discard() {
            if (Body && 'destroy' in Body) Body.destroy();
          },
        };
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
    /** What is said of an object, without its bytes. */
    async head(key: string): Promise<Pick<Got, 'metadata' | 'bytes'> | undefined> {
      try {
        const { Metadata = {}, ContentLength = 0 } = await client.send(new HeadObjectCommand({ Bucket, Key: key }));
        return { metadata: Metadata, bytes: ContentLength };
      } catch (error) {
        if (error instanceof NotFound) return undefined;
        throw error;
      }
    },
    /** Remove an object, or one version of it only: another may have been put meanwhile. */
    async remove(key: string, etag?: string): Promise<void> {
      await client.send(new DeleteObjectCommand({ Bucket, Key: key, ...(etag !== undefined && { IfMatch: etag }) }));
    },
    async *list(prefix: string): AsyncGenerator<ObjectHead> {
      let ContinuationToken: string | undefined;
      do {
        const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken }));
        for (const { Key, ETag, LastModified } of page.Contents ?? [])
          if (Key !== undefined && ETag !== undefined && LastModified)
            yield { key: Key, etag: ETag, lastModified: LastModified };
        ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
      } while (ContinuationToken !== undefined);
    },
  };
}

const binary = 'application/octet-stream';

async function next(parts: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  const { value, done } = await parts.next();
  return done ? undefined : value;
}

/** The same bytes in parts of one size, but for the last; each is over when the next is asked for, and its room is used again. */
async function* inParts(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // Not touched before it is written to, so that a small film takes no more than it has.
  const part = Buffer.allocUnsafeSlow(partBytes);
  let size = 0;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + partBytes - size);
      part.set(piece, size);
      size += piece.length;
      at += piece.length;
      if (size < partBytes) continue;
      yield part;
      size = 0;
    }
  }
  if (size > 0) yield part.subarray(0, size);
}
