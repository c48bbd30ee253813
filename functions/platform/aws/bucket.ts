import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadObjectCommand,
  type HeadObjectCommandInput,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { asOutage } from './errors.ts';

/** What S3 says of an object. The ETag names one version of it. */
export type ObjectHead = {
  readonly bytes: number;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** In Base64. S3 returns it for `ChecksumMode: 'ENABLED'`, where it has it. */
  readonly checksumSha256: string | undefined;
};

/** An object whose bytes are on their way. Read them once, or discard them. */
export type OpenObject = ObjectHead & {
  /** All bytes, in a buffer of their own that can be transferred. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /** The bytes as they arrive. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Stop the transfer of bytes that nobody has read. */
  discard(): void;
};

export type ListedObject = { readonly key: string; readonly etag: string; readonly lastModified: Date };

/** The objects of one bucket. Every method throws StoreUnavailable for an outage, and the SDK's error for a refusal. */
export type Bucket = ReturnType<typeof openBucket>;

/** Parameters of a request, by the names that S3 has for them. */
type Parameters<Input> = Omit<Partial<Input>, 'Bucket' | 'Key' | 'Body'>;

/** The size of each part of a multipart upload except the last. S3 accepts 5 MiB to 5 GiB, and 10,000 parts at most. */
export const partBytes = 8 * 2 ** 20;

export function openBucket(client: S3Client, name: string) {
  const target = (key: string) => ({ Bucket: name, Key: key });

  /**
   * Upload in parts. Readers see the object when the upload is complete, so it is all of the stream or nothing.
   *
   * Not `Upload` of @aws-sdk/lib-storage: four uploads of 100 MiB at a time held 153 MiB with it and 98 to 118 MiB with
   * this code (measured, version 3.1169.0, parts of 8 MiB), and where its abort fails, that error hides the stream's.
   */
  async function uploadParts(
    key: string,
    parts: AsyncIterator<Uint8Array>,
    first: Uint8Array,
    options: Parameters<PutObjectCommandInput>,
  ): Promise<void> {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...target(key), ...options }));
    const upload = { ...target(key), UploadId };
    try {
      const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
      for (let part: Uint8Array | undefined = first; part; part = await next(parts)) {
        const PartNumber = Parts.length + 1;
        const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber, Body: part }));
        Parts.push({ PartNumber, ETag });
      }
      await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    } catch (error) {
      // If the abort fails too, the lifecycle rule of the bucket removes the parts.
      await client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
      throw error;
    }
  }

  /** Store bytes under the conditions of `options`. Throws the SDK's error where a condition is not met. */
  async function put(key: string, bytes: Uint8Array, options: Parameters<PutObjectCommandInput> = {}): Promise<void> {
    await client.send(new PutObjectCommand({ ...target(key), ...options, Body: bytes }));
  }

  return {
    name,
    client,

    put,

    /** Store all bytes of a stream. If the stream throws, nothing is stored and its error is thrown. */
    async putStream(
      key: string,
      bytes: AsyncIterable<Uint8Array>,
      options: Parameters<PutObjectCommandInput> = {},
    ): Promise<void> {
      const parts = inParts(bytes);
      const first = (await next(parts)) ?? new Uint8Array();
      if (first.length === partBytes) await uploadParts(key, parts, first, options);
      else await put(key, first, options);
    },

    /** Open an object under the conditions of `options`. Undefined where there is no such object. */
    async get(key: string, options: Parameters<GetObjectCommandInput> = {}): Promise<OpenObject | undefined> {
      const found = await client.send(new GetObjectCommand({ ...target(key), ...options })).catch(ifNoSuchKey);
      if (!found) return undefined;
      const { Body } = found;
      return {
        ...headOf(found),
        async read() {
          try {
            const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
            // A small answer shares a pooled buffer with others, which cannot be transferred.
            const isOwn = bytes.length === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
            return isOwn ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
          } catch (error) {
            throw asOutage(error);
          }
        },
        async *chunks() {
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
    },

    /** What S3 says of an object, without its bytes. Undefined where there is no such object. */
    async head(key: string, options: Parameters<HeadObjectCommandInput> = {}): Promise<ObjectHead | undefined> {
      const found = await client.send(new HeadObjectCommand({ ...target(key), ...options })).catch(ifNotFound);
      return found && headOf(found);
    },

    /** Remove an object. With an ETag, remove only this version: another may have been stored since. */
    async remove(key: string, etag?: string): Promise<void> {
      await client.send(new DeleteObjectCommand({ ...target(key), ...(etag !== undefined && { IfMatch: etag }) }));
    },

    async *list(prefix: string): AsyncGenerator<ListedObject> {
      let ContinuationToken: string | undefined;
      do {
        const page = await client.send(new ListObjectsV2Command({ Bucket: name, Prefix: prefix, ContinuationToken }));
        for (const { Key, ETag, LastModified } of page.Contents ?? [])
          if (Key !== undefined && ETag !== undefined && LastModified)
            yield { key: Key, etag: ETag, lastModified: LastModified };
        ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
      } while (ContinuationToken !== undefined);
    },
  };
}

/** The HTTP status with which S3 refused a request; undefined where the error is not an answer of S3. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

const headOf = (found: {
  readonly ContentLength?: number | undefined;
  readonly ETag?: string | undefined;
  readonly Metadata?: Record<string, string> | undefined;
  readonly ChecksumSHA256?: string | undefined;
}): ObjectHead => ({
  bytes: found.ContentLength ?? 0,
  etag: found.ETag ?? '',
  metadata: found.Metadata ?? {},
  checksumSha256: found.ChecksumSHA256,
});

function ifNoSuchKey(error: unknown): undefined {
  if (!(error instanceof NoSuchKey)) throw error;
}

/** The answer to HEAD has no body, so a missing bucket looks the same. */
function ifNotFound(error: unknown): undefined {
  if (statusOf(error) !== 404) throw error;
}

async function next(parts: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  const { value, done } = await parts.next();
  return done ? undefined : value;
}

/** The bytes in parts of `partBytes`, the last one shorter. All parts share one buffer: use each before asking for the next. */
async function* inParts(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // Not zero-filled: a small film touches only as many pages as it has bytes.
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
