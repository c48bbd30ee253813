import { randomBytes } from 'node:crypto';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Job } from '../../../functions/core/job.ts';
import { openBucket } from '../../../functions/platform/aws/bucket.ts';
import { openDynamo, openS3 } from '../../../functions/platform/aws/client.ts';
import { readAwsEnvironment } from '../../../functions/platform/aws/environment.ts';
import { createVault } from '../../../functions/platform/vault.ts';
import { openPacker } from '../../../functions/storage/aws/overflow.ts';
import { openTable } from '../../../functions/storage/aws/table.ts';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { openAwsPlatform } from '../../support/aws-platform.ts';
import { instance, job, reading } from '../../support/storage-contract/samples.ts';

/** Text that compresses to three quarters at best. */
const noise = (bytes: number) => randomBytes(bytes).toString('base64');
const outcomes = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, i) => ({ sopInstanceUid: `2.25.${i}`, stored: [noise(bytes)] }));

describe.skipIf(!hasAws)('data that exceeds the size of an item (npm run pretest installs SeaweedFS and moto)', () => {
  let aws: Aws;
  beforeAll(async () => {
    aws = await startAws();
  });
  afterAll(() => aws?.close());

  async function open() {
    const edges = await openAwsPlatform(aws);
    const awsEnvironment = readAwsEnvironment(edges.environment);
    const [s3, dynamo] = [openS3(awsEnvironment), openDynamo(awsEnvironment)];
    const { ALARA_TABLE: TableName, ALARA_UPLOADS_BUCKET: Bucket } = edges.environment;
    return {
      ...edges,
      objects: async () =>
        ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key ?? ''),
      item: async (id: string) =>
        (await dynamo.send(new GetItemCommand({ TableName, Key: { pk: { S: `job#${id}` }, sk: { S: 'job' } } }))).Item,
    };
  }

  test('a reading with heat maps is encrypted in the bucket, and is returned whole', async () => {
    const { platform, another, objects } = await open();
    const plain = reading('rd_large');
    const read = { reading: { ...plain, models: { map: noise(3_000_000) } }, instance };
    await platform.readings.put('clinic', read);
    expect(await (await another()).readings.get('clinic', 'rd_large')).toEqual(read);
    expect(await objects()).toEqual([expect.stringMatching(/^overflow\/[0-9a-f-]{36}$/)]);
    // Putting the reading again, also concurrently, leaves no further object.
    await Promise.all([1, 2, 3].map(() => platform.readings.put('clinic', read)));
    expect(await objects()).toHaveLength(1);
    const twins = { reading: { ...read.reading, id: 'rd_twins' }, instance };
    await Promise.all([1, 2, 3].map(() => platform.readings.put('clinic', twins)));
    expect(await objects()).toHaveLength(2);
    expect(await platform.readings.get('clinic', 'rd_twins')).toEqual(twins);
  });

  test('a reading that compresses well stays in its item', async () => {
    const { platform, objects } = await open();
    const read = { reading: { ...reading('rd_a'), models: { long: 'a'.repeat(1_000_000) } }, instance: null };
    await platform.readings.put('clinic', read);
    expect(await platform.readings.get('clinic', 'rd_a')).toEqual(read);
    expect(await objects()).toEqual([]);
  });

  test('a job can grow and shrink: it has at most one object, and pruning removes the object, too', async () => {
    const { platform, another, objects } = await open();
    const { jobs } = platform;
    await jobs.create(job('a'));
    const grown = outcomes(10, 60_000);
    const add = (found: Job): Job => ({ ...found, outcomes: [...found.outcomes, ...grown] });
    await jobs.update('a', add);
    expect((await jobs.get('a'))?.outcomes).toEqual(grown);
    expect(await objects()).toHaveLength(1);
    // Concurrent writers leave no object, either.
    const other = await another();
    const count = (found: Job): Job => ({ ...found, attempts: found.attempts + 1 });
    await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 ? jobs : other.jobs).update('a', count)));
    expect(await jobs.get('a')).toMatchObject({ attempts: 8, outcomes: grown });
    expect((await jobs.list({ limit: 1 }))[0]?.outcomes).toEqual(grown);
    expect(await objects()).toHaveLength(1);
    expect(await jobs.create(job('a', { outcomes: grown }))).toBe(false);
    expect(await objects()).toHaveLength(1);
    await jobs.update('a', (found) => ({ ...found, state: 'done', updatedAt: '2026-01-01T00:00:00.000Z' }));
    expect(await jobs.prune(new Date('2026-02-01'))).toBe(1);
    expect(await objects()).toEqual([]);
  });

  test('an ended job expires by TTL after its retention; an open or large job does not', async () => {
    const { platform, item } = await open();
    const { jobs } = platform;
    const updatedAt = '2026-01-02T00:00:00.000Z';
    const monthLater = String(Date.parse(updatedAt) / 1000 + 30 * 86_400);
    for (const state of ['queued', 'running', 'dead', 'done', 'failed'] as const)
      await jobs.create(job(state, { state, updatedAt }));
    await jobs.create(job('large', { state: 'done', updatedAt, outcomes: outcomes(10, 60_000) }));
    for (const id of ['queued', 'running', 'large']) expect((await item(id))?.['expires'], id).toBeUndefined();
    for (const id of ['done', 'failed', 'dead']) expect((await item(id))?.['expires']).toEqual({ N: monthLater });
    // A replayed job must not expire while it is processed.
    await jobs.update('failed', (found) => ({ ...found, state: 'queued' }));
    expect((await item('failed'))?.['expires']).toBeUndefined();
    expect(await jobs.list({ state: 'queued', limit: 9 })).toHaveLength(2);
  });

  describe('of a process that crashes between its two writes', () => {
    const owner = { pk: 'job#a', sk: 'job' };
    const inAnHour = () => new Date(Date.now() + 3_600_000);
    async function openPacked() {
      const edges = await open();
      const { ALARA_TABLE = '', ALARA_UPLOADS_BUCKET = '', ALARA_KEY = '' } = edges.environment;
      const awsEnvironment = readAwsEnvironment(edges.environment);
      const table = openTable(openDynamo(awsEnvironment), ALARA_TABLE);
      const vault = createVault(Buffer.from(ALARA_KEY, 'base64'));
      return {
        ...edges,
        table,
        packer: openPacker(vault, openBucket(openS3(awsEnvironment), ALARA_UPLOADS_BUCKET), table),
      };
    }
    const large = () => noise(1_000_000);

    test('the object is swept if the item was never written, and stays otherwise', async () => {
      const { packer, table, objects } = await openPacked();
      await packer.pack(large(), 'context', owner);
      const written = await packer.pack(large(), 'context', { ...owner, pk: 'job#b' });
      await table.create({ ...owner, pk: 'job#b' }, written);
      expect(await packer.sweep(new Date(Date.now() - 60_000))).toBe(0);
      expect(await objects()).toHaveLength(2);
      expect(await packer.sweep(inAnHour())).toBe(1);
      expect(await objects()).toEqual(['lies' in written && written.lies]);
      // Its marker is removed as well, so nothing is checked again.
      expect(await packer.sweep(inAnHour())).toBe(0);
      expect(await packer.unpack(written, 'context')).toBeDefined();
    });

    test('the previous object of an item is swept, by the pruning of jobs as well', async () => {
      const { packer, table, objects, platform } = await openPacked();
      const [before, after] = [
        await packer.pack(large(), 'context', owner),
        await packer.pack(large(), 'context', owner),
      ];
      await table.create(owner, before);
      await packer.settle(before);
      await packer.settle(after);
      await packer.detach(before, owner);
      expect(await packer.sweep(inAnHour())).toBe(0);
      await packer.detach(before, owner);
      await table.change(owner, () => ({ ...after }));
      const noted = 'lies' in before ? { pk: 'overflow', sk: before.lies } : owner;
      await table.change(noted, (found) => ({ ...found, since: '2026-01-01T00:00:00.000Z' }));
      expect(await platform.jobs.prune(new Date())).toBe(0);
      expect(await objects()).toEqual(['lies' in after && after.lies]);
    });

    test('a process that finishes leaves no marker', async () => {
      const { platform, table } = await openPacked();
      const { jobs } = platform;
      await jobs.create(job('a', { outcomes: outcomes(10, 60_000) }));
      await jobs.create(job('a', { outcomes: outcomes(10, 60_000) }));
      await Promise.all(Array.from({ length: 5 }, () => jobs.update('a', (found) => ({ ...found, attempts: 2 }))));
      await platform.readings.put('clinic', { reading: { ...reading('rd_a'), models: { map: large() } }, instance });
      await jobs.update('a', (found) => ({ ...found, state: 'done', updatedAt: '2026-01-01T00:00:00.000Z' }));
      expect(await jobs.prune(new Date('2026-02-01'))).toBe(1);
      const query = { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': 'overflow' } };
      // Concurrent writers may leave one marker of a removed object. The next sweep removes the marker.
      const { value } = await table.query({ ...query, ConsistentRead: true }).next();
      if (value) expect(value['ownerPk']).toBe('job#a');
    });
  });
});
