import { PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Bucket } from '../../platform/aws/bucket.ts';
import type { Presigned } from '../blobs.ts';

/**
 * A presigned URL to which a caller may PUT one object. The size limit is signed as metadata, which S3 stores beside the
 * bytes. S3 refuses a PUT that omits or changes the metadata. This service never reads an object that exceeds its limit.
 */
export async function presignPut(
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
