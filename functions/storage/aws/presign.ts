import { PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Presigned } from '../blobs.ts';
import type { Objects } from './objects.ts';

/**
 * A place in the bucket that a caller may PUT one object to. The limit is signed into it as metadata, which S3 keeps
 * beside the bytes: a PUT that leaves it out or changes it is refused, and one that is longer is never read.
 */
export async function presignPut(
  { client, bucket }: Objects,
  key: string,
  limitBytes: number,
  seconds: number,
): Promise<Presigned> {
  const signed = { 'content-type': 'application/octet-stream', 'x-amz-meta-limit': String(limitBytes) };
  const command = new PutObjectCommand({
    ...{ Bucket: bucket, Key: key, ContentType: signed['content-type'] },
    Metadata: { limit: signed['x-amz-meta-limit'] },
  });
  const now = new Date();
  const url = await getSignedUrl(client, command, {
    ...{ expiresIn: seconds, signingDate: now },
    // Signed as headers: as parts of the address they would be optional.
    signableHeaders: new Set(['host', 'content-type']),
    unhoistableHeaders: new Set(['x-amz-meta-limit']),
  });
  // A signature is good for as long as the role's credentials are that made it, whatever its own time says.
  const { expiration } = await client.config.credentials();
  const expires = now.getTime() + 1000 * seconds;
  return { url, headers: signed, expiresAt: new Date(Math.min(expires, expiration?.getTime() ?? expires)) };
}
