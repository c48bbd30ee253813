import { randomBytes } from 'node:crypto';
import { ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBucket } from '../../../functions/platform/aws/bucket.ts';
import { openS3 } from '../../../functions/platform/aws/client.ts';
import { readAwsEnvironment } from '../../../functions/platform/aws/environment.ts';
import { BlobTooLarge, type Presigned } from '../../../functions/storage/blobs.ts';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { openAwsPlatform } from '../../support/aws-platform.ts';
import { endless, stream } from '../../support/storage-contract/streams.ts';

const limit = 100_000_000;

describe.skipIf(!hasAws)('films in S3 (npm run pretest installs SeaweedFS)', () => {
  let aws: Aws;
  beforeAll(async () => {
    aws = await startAws();
  });
  afterAll(() => aws?.close());

  async function open() {
    const { platform, environment } = await openAwsPlatform(aws);
    const s3 = openS3(readAwsEnvironment(environment));
    const Bucket = environment['ALARA_UPLOADS_BUCKET'] ?? '';
    const unfinished = async () => (await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? [];
    const presign = async (id: string, limitBytes: number, seconds = 60) => {
      const given = await platform.blobs.presign?.(id, limitBytes, seconds);
      if (!given) throw new Error('blobs on AWS can be presigned');
      return given;
    };
    return { blobs: platform.blobs, s3, Bucket, unfinished, presign };
  }
  const send = ({ url, headers }: Pick<Presigned, 'url' | 'headers'>, body: Uint8Array<ArrayBuffer>) =>
    fetch(url, { method: 'PUT', headers, body });

  test('a film of several parts is returned unchanged, and leaves no unfinished upload', async () => {
    const { blobs, unfinished } = await open();
    for (const bytes of [8 * 2 ** 20 - 28, 8 * 2 ** 20, 20_000_001]) {
      const film = randomBytes(bytes);
      const pieces = Array.from({ length: Math.ceil(bytes / 700_001) }, (_, i) =>
        film.subarray(i * 700_001, (i + 1) * 700_001),
      );
      expect(await blobs.put('film', stream(...pieces), limit)).toEqual({ bytes });
      expect(Buffer.from((await blobs.get('film')) ?? []).equals(film), `${bytes}`).toBe(true);
    }
    expect(await unfinished()).toEqual([]);
  });

  test('a film that is too large or breaks off after some parts keeps the previous version, and leaves no parts', async () => {
    const { blobs, unfinished } = await open();
    await blobs.put('film', stream(Buffer.from('before')), limit);
    const sender = endless();
    expect(await blobs.put('film', sender.stream, 30_000_000)).toBeUndefined();
    expect(sender.wasCancelled()).toBe(true);
    expect(sender.sentBytes()).toBeLessThan(32_000_000);
    let sent = 0;
    const breaks = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (++sent > 20) controller.error(new Error('the sender is gone'));
        else controller.enqueue(new Uint8Array(1_000_000));
      },
    });
    await expect(blobs.put('film', breaks, limit)).rejects.toThrow('the sender is gone');
    expect(Buffer.from((await blobs.get('film')) ?? []).toString()).toBe('before');
    expect(await unfinished()).toEqual([]);
  });

  test('pruning keeps a film that was replaced between the check and the removal', async () => {
    const { s3, Bucket, blobs } = await open();
    await blobs.put('film', stream(Buffer.from('one')), limit);
    const bucket = openBucket(s3, Bucket);
    for await (const { key, etag } of bucket.list('blobs/')) {
      await blobs.put('film', stream(Buffer.from('two')), limit);
      await expect(bucket.remove(key, etag)).rejects.toMatchObject({ name: 'PreconditionFailed' });
    }
    expect(Buffer.from((await blobs.get('film')) ?? []).toString()).toBe('two');
  });

  test('a caller uploads a film directly to S3, also again, and the film is read like any other', async () => {
    const { blobs, presign } = await open();
    const given = await presign('film', 1000);
    expect((await send(given, new Uint8Array([1, 2, 3]))).status).toBe(200);
    expect(await blobs.get('film')).toEqual(new Uint8Array([1, 2, 3]));
    expect((await send(given, new Uint8Array([4]))).status).toBe(200);
    expect(await blobs.get('film')).toEqual(new Uint8Array([4]));
    await blobs.put('film', stream(Buffer.from('sealed')), limit);
    expect(Buffer.from((await blobs.get('film')) ?? []).toString()).toBe('sealed');
    await blobs.remove('film');
    expect(await blobs.get('film')).toBeUndefined();
    expect((await blobs.get('film'))?.length).toBeUndefined();
  });

  test('a film beyond the limit of its upload is never read', async () => {
    const { blobs, presign } = await open();
    const given = await presign('film', 1000);
    expect((await send(given, new Uint8Array(1000))).status).toBe(200);
    expect((await blobs.get('film'))?.length).toBe(1000);
    expect((await send(given, new Uint8Array(1001))).status).toBe(200);
    const got = blobs.get('film');
    await expect(got).rejects.toThrow(BlobTooLarge);
    await expect(got).rejects.toMatchObject({ limitBytes: 1000 });
  });

  test('a presigned URL is limited to one key, one size and one time', async () => {
    const { blobs, presign } = await open();
    const { url, headers, expiresAt } = await presign('film', 1000, 60);
    expect(expiresAt.getTime() - Date.now()).toBeGreaterThan(55_000);
    expect(expiresAt.getTime() - Date.now()).toBeLessThanOrEqual(60_000);
    const body = new Uint8Array(2000);
    const { 'x-amz-meta-limit': _, ...without } = headers as Record<string, string>;
    expect((await send({ url, headers: without }, body)).status).toBe(403);
    expect((await send({ url, headers: { ...headers, 'x-amz-meta-limit': '9999' } }, body)).status).toBe(403);
    expect((await send({ url: url.replace(/blobs\/./, 'blobs/0'), headers }, body)).status).toBe(403);
    expect((await fetch(url)).status).toBe(403);
    expect(await blobs.get('film')).toBeUndefined();
    const short = await presign('film', 1000, 1);
    await new Promise((resolve) => setTimeout(resolve, 2100));
    expect((await send(short, body)).status).toBe(403);
  });

  test('a presigned URL does not outlive the credentials that signed it', async () => {
    const { presign } = await open();
    await presign('film', 1000);
    aws.credentials.set('TASKROLEONE', 900_000);
    const { presign: other } = await open();
    await other('film', 1000);
    aws.credentials.set('TASKROLEONE', 6 * 3_600_000);
    const { expiresAt } = await other('film', 1000, 3600);
    expect(expiresAt.getTime() - Date.now()).toBeLessThanOrEqual(900_000);
    const { expiresAt: later } = await presign('film', 1000, 3600);
    expect(later.getTime() - Date.now()).toBeGreaterThan(3_500_000);
  });

  test('an object that was uploaded without a limit is not accepted as a film', async () => {
    const { blobs, s3, Bucket } = await open();
    await blobs.put('film', stream(Buffer.from('sealed')), limit);
    for await (const { key } of openBucket(s3, Bucket).list('blobs/'))
      await s3.send(new PutObjectCommand({ Bucket, Key: key, Body: 'planted' }));
    await expect(blobs.get('film')).rejects.toThrow(BlobTooLarge);
  });
});
