import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchObject } from '../../../functions/models/fetch-object.ts';
import { openModelCache } from '../../../functions/models/model-cache.ts';
import { promote } from '../../../functions/models/release/promote.ts';
import { folderObjects } from '../../../functions/models/store/folder.ts';
import type { Objects } from '../../../functions/models/store/object-store.ts';
import { s3Objects } from '../../../functions/models/store/s3.ts';
import { openS3 } from '../../../functions/platform/aws/client.ts';
import { readAwsEnvironment } from '../../../functions/platform/aws/environment.ts';
import { sha256Sync } from '../../../functions/platform/digest.ts';
import { StoreUnavailable } from '../../../functions/platform/store-unavailable.ts';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { folder, name, pointsTo, publishUnchecked, retrained } from '../../support/published.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (found: Awaited<ReturnType<Objects['read']>>) =>
  found && found !== 'unchanged' ? new TextDecoder().decode(found.bytes) : found;

/** Requirements for every store. */
function contract(open: () => Objects): void {
  test('stores an object once, and reads it as a whole or in parts', async () => {
    const objects = open();
    expect(await objects.head('a/one')).toBeUndefined();
    expect(await objects.read('a/one')).toBeUndefined();
    expect(await objects.create('a/one', bytes('0123456789'))).toBe(true);
    expect(await objects.create('a/one', bytes('other'))).toBe(false);
    expect(text(await objects.read('a/one'))).toBe('0123456789');
    const head = await objects.head('a/one');
    expect(head?.bytes).toBe(10);
    expect(Buffer.from(await objects.range('a/one', head?.etag ?? '', 2, 5)).toString()).toBe('234');
    await expect(objects.range('a/one', '"another"', 2, 5)).rejects.toThrow(StoreUnavailable);
    await expect(objects.range('a/none', '"another"', 2, 5)).rejects.toThrow(StoreUnavailable);
  });

  test('reads a pointer again only after a change', async () => {
    const objects = open();
    await objects.create('b/pointer', bytes('1'));
    const first = await objects.read('b/pointer');
    if (!first || first === 'unchanged') throw new Error('it was just made');
    expect(await objects.read('b/pointer', first.etag)).toBe('unchanged');
    expect(await objects.replace('b/pointer', bytes('2'), first.etag)).toBe(true);
    expect(text(await objects.read('b/pointer', first.etag))).toBe('2');
    expect(await objects.replace('b/pointer', bytes('3'), first.etag)).toBe(false);
    expect(text(await objects.read('b/pointer'))).toBe('2');
    expect(await objects.replace('b/nothing', bytes('3'), first.etag)).toBe(false);
    expect(await objects.read('b/nothing')).toBeUndefined();
  });

  test('lets one of several concurrent writers move a pointer', async () => {
    const objects = open();
    const make = await Promise.all(['a', 'b', 'c', 'd'].map((one) => objects.create('c/pointer', bytes(one))));
    expect(make.filter(Boolean)).toHaveLength(1);
    const first = await objects.read('c/pointer');
    if (!first || first === 'unchanged') throw new Error('it was just made');
    const names = Array.from({ length: 8 }, (_, i) => `mover ${i}`);
    const moved = await Promise.all(names.map((one) => objects.replace('c/pointer', bytes(one), first.etag)));
    expect(moved.filter(Boolean)).toHaveLength(1);
    expect(text(await objects.read('c/pointer'))).toBe(names[moved.indexOf(true)]);
  });

  test('lists keys by prefix', async () => {
    const objects = open();
    for (const key of ['d/x/2', 'd/x/1', 'd/xy', 'd/z']) await objects.create(key, bytes(key));
    expect(await objects.list('d/x/')).toEqual(['d/x/1', 'd/x/2']);
    expect(await objects.list('d/x')).toEqual(['d/x/1', 'd/x/2', 'd/xy']);
    expect(await objects.list('nowhere/')).toEqual([]);
  });

  test('downloads a large object in parts, and keeps corrupt parts out of the cache', async () => {
    const objects = open();
    const large = randomBytes(20_000_001);
    const entry = { sha256: sha256Sync(large), bytes: large.length };
    await objects.create('e/large', large);
    const cache = openModelCache(folder(), 1e9);
    expect(await fetchObject(objects, 'e/large', entry, cache)).toEqual({ kind: 'here' });
    expect(await cache.has(entry.sha256)).toBe(true);

    const other = { sha256: sha256Sync('other'), bytes: large.length };
    expect(await fetchObject(objects, 'e/large', other, cache)).toMatchObject({ kind: 'corrupt' });
    expect(await cache.has(other.sha256)).toBe(false);
    const short = { sha256: sha256Sync('short'), bytes: large.length + 1 };
    expect(await fetchObject(objects, 'e/large', short, cache)).toMatchObject({
      kind: 'corrupt',
      problem: `e/large has ${large.length} bytes, the manifest says ${large.length + 1}`,
    });
    expect(await fetchObject(objects, 'e/none', { ...entry, sha256: other.sha256 }, cache)).toMatchObject({
      kind: 'missing',
    });
  });
}

describe('a folder as a store', () => contract(() => folderObjects(folder())));

describe.skipIf(!hasAws)('S3 as a store (npm run pretest)', () => {
  let aws: Aws;
  let objects: Objects;
  beforeAll(async () => {
    aws = await startAws();
    objects = s3Objects(openS3(readAwsEnvironment(aws.environment)), aws.bucket, 'models/alara');
  });
  afterAll(() => aws?.close());
  contract(() => objects);

  test('publishes and promotes a family, and refuses a worse family', async () => {
    const first = await publishUnchecked(objects, 'models');
    const signOff = { by: 'the test', reason: 'to test' };
    const promotion = { from: 'canary', to: 'live', margin: 0.02, device: 'cpu', signOff } as const;
    expect(await promote(objects, name, promotion)).toMatchObject({ kind: 'moved', moved: { from: null, to: first } });
    const second = await publishUnchecked(objects, retrained());
    expect(await promote(objects, name, promotion)).toMatchObject({
      kind: 'moved',
      moved: { from: first, to: second },
    });
    expect(await pointsTo(objects, 'live')).toBe(second);
    expect(await objects.list(`${name}/channels/`)).toEqual([
      `${name}/channels/canary.json`,
      `${name}/channels/live.json`,
    ]);
  });

  test('reports an outage, and recovers', async () => {
    await objects.create('f/one', bytes('1'));
    await aws.s3.stop();
    try {
      await expect(objects.read('f/one')).rejects.toThrow(StoreUnavailable);
      await expect(objects.head('f/one')).rejects.toThrow(StoreUnavailable);
      await expect(objects.create('f/two', bytes('2'))).rejects.toThrow(StoreUnavailable);
    } finally {
      await aws.s3.start();
    }
    expect(text(await objects.read('f/one'))).toBe('1');
  });
});
