import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rollback } from '../../../functions/models/release/move-pointer.ts';
import { prepare, upload } from '../../../functions/models/release/publish.ts';
import { readRecord, recordsBack } from '../../../functions/models/release/record.ts';
import { readManifest, readPointer } from '../../../functions/models/release-reader.ts';
import type { Objects } from '../../../functions/models/store/object-store.ts';
import { s3Objects } from '../../../functions/models/store/s3.ts';
import { openS3 } from '../../../functions/platform/aws/client.ts';
import { readAwsEnvironment } from '../../../functions/platform/aws/environment.ts';
import { sha256Sync } from '../../../functions/platform/digest.ts';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { name, place, pointsTo, publishUnchecked, retrained, signOff } from '../../support/published.ts';

describe.skipIf(!hasAws)('a store with a corrupt object (npm run pretest)', () => {
  let aws: Aws;
  let s3: S3Client;
  beforeAll(async () => {
    aws = await startAws();
    s3 = openS3(readAwsEnvironment(aws.environment));
  });
  afterAll(async () => {
    s3?.destroy();
    await aws?.close();
  });

  let count = 0;
  /** A new store, in which A and then B were promoted on live. */
  async function store() {
    const prefix = `store-${count++}`;
    const objects = s3Objects(s3, aws.bucket, prefix);
    const a = await publishUnchecked(objects, 'models', 'live');
    const b = await publishUnchecked(objects, retrained('B'), 'live');
    const at = (key: string) => ({ Bucket: aws.bucket, Key: `${prefix}/${key}` });
    return {
      ...{ objects, a, b },
      /** Flip a bit of an object, like a writer that ignores the precondition. */
      async spoil(key: string) {
        const found = await objects.read(key);
        if (!found || found === 'unchanged') throw new Error(`there is no ${key}`);
        const Body = Uint8Array.from(found.bytes, (byte, i) => (i === 9 ? byte ^ 1 : byte));
        await s3.send(new PutObjectCommand({ ...at(key), Body }));
      },
      cut: (key: string) => s3.send(new PutObjectCommand({ ...at(key), Body: 'short' })),
      remove: (key: string) => s3.send(new DeleteObjectCommand(at(key))),
    };
  }
  type Store = Awaited<ReturnType<typeof store>>;

  const live = (objects: Objects) => readPointer(objects, name, 'live');
  const back = async (objects: Objects) => rollback(objects, name, 'live', await live(objects), signOff);
  const lastRecord = async (objects: Objects) =>
    (await readRecord(objects, name, (await live(objects))?.pointer.record ?? '')).record;
  const catalogOf = async (objects: Objects, manifest: string) =>
    place.object((await readManifest(objects, name, manifest)).files['catalog.json']?.sha256 ?? '');

  const damages: [string, (store: Store) => Promise<unknown>, object][] = [
    [
      'its catalog',
      async ({ objects, b, spoil }) => spoil(await catalogOf(objects, b)),
      // The manifests still show which files differ.
      { files: { 'catalog.json': 'replaced' }, findings: 'unreadable', provenance: { from: 'unreadable' } },
    ],
    [
      'its manifest',
      ({ b, spoil }) => spoil(place.manifest(b)),
      { files: 'unreadable', policies: 'unreadable', findings: 'unreadable', provenance: { from: 'unreadable' } },
    ],
    [
      'its manifest, which is gone,',
      ({ b, remove }) => remove(place.manifest(b)),
      { files: 'unreadable', provenance: { from: 'unreadable' } },
    ],
  ];

  describe.each(damages)('a channel of a family with corrupt %s', (_, damage, description) => {
    test('can be rolled back, and the record names the unreadable part', async () => {
      const damaged = await store();
      const { objects, a, b } = damaged;
      await damage(damaged);
      expect(await back(objects)).toMatchObject({ from: b, to: a });
      expect(await pointsTo(objects, 'live')).toBe(a);
      expect(await lastRecord(objects)).toMatchObject({
        descriptionOfModifications: description,
        unreadable: [expect.stringMatching(/SHA-256|holds no/)],
      });
      await expect(back(objects)).rejects.toThrow('nothing to go back to');
    });

    test('accepts a new release', async () => {
      const damaged = await store();
      const { objects } = damaged;
      await damage(damaged);
      const c = await publishUnchecked(objects, retrained('C'), 'live');
      expect(await pointsTo(objects, 'live')).toBe(c);
      expect(await lastRecord(objects)).toMatchObject({ descriptionOfModifications: description });
    });
  });

  test('a missing record does not block a rollback: the history ends at the missing record', async () => {
    const { objects, a, b, remove } = await store();
    const broken = (await live(objects))?.pointer.record ?? '';
    await remove(place.record(broken));
    expect(await back(objects)).toMatchObject({ from: b, to: a });
    expect(await lastRecord(objects)).toMatchObject({
      previousRecord: broken,
      unreadable: [expect.stringContaining(`holds no ${place.record(broken)}`)],
    });
    await expect(back(objects)).rejects.toThrow('nothing to go back to');
    // The rest of the chain is readable, and its end is reported.
    const chain = recordsBack(objects, name, (await live(objects))?.pointer.record ?? '');
    expect((await chain.next()).value?.record.kind).toBe('rollback');
    await expect(chain.next()).rejects.toThrow('holds no');
  });

  test('publishing again repairs corrupt, truncated and missing objects, and writes no other object', async () => {
    const { objects, spoil, remove, cut } = await store();
    const publication = await prepare('models', name);
    const { files } = publication.manifest;
    const at = (file: string) => place.object(files[file]?.sha256 ?? '');
    expect(await upload(objects, publication)).toMatchObject({ sent: 0, repaired: 0, bytes: 0 });
    await Promise.all([
      spoil(at('catalog.json')),
      spoil(at('r256-int8.onnx')),
      spoil(place.manifest(publication.digest)),
    ]);
    await cut(at('policy.json'));
    await remove(at('scores.json'));
    expect(await upload(objects, publication)).toMatchObject({
      sent: 1,
      repaired: 4,
      present: publication.sources.size - 4,
    });
    for (const [key, sha256] of [
      ...Object.keys(files).map((file) => [at(file), files[file]?.sha256]),
      [place.manifest(publication.digest), publication.digest],
    ] as [string, string][]) {
      const found = await objects.read(key);
      expect(found && found !== 'unchanged' && sha256Sync(found.bytes), key).toBe(sha256);
    }
    expect(await upload(objects, publication)).toMatchObject({ sent: 0, repaired: 0, bytes: 0 });
  });

  test('publishing again does not read an object whose SHA-256 the store keeps', async () => {
    const { objects } = await store();
    const publication = await prepare('models', name);
    const read: string[] = [];
    const watched: Objects = {
      ...objects,
      read(key) {
        read.push(key);
        return objects.read(key);
      },
    };
    expect(await upload(watched, publication)).toMatchObject({ sent: 0, repaired: 0 });
    expect(read).toEqual([]);
  });

  test('concurrent repairs of an object all succeed', async () => {
    const { objects, spoil } = await store();
    const publication = await prepare('models', name);
    await spoil(place.manifest(publication.digest));
    const all = await Promise.all([1, 2, 3, 4].map(() => upload(objects, publication)));
    expect(all.reduce((sum, { repaired }) => sum + repaired, 0)).toBeGreaterThanOrEqual(1);
    expect(await readManifest(objects, name, publication.digest)).toEqual(publication.manifest);
  });

  test('an unavailable store is not damage: no channel is moved', async () => {
    const { objects, b } = await store();
    const standing = await live(objects);
    await aws.s3.stop();
    try {
      await expect(rollback(objects, name, 'live', standing, signOff)).rejects.toThrow('S3 does not answer');
    } finally {
      await aws.s3.start();
    }
    expect(await pointsTo(objects, 'live')).toBe(b);
  });
});
