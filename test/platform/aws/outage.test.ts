import { createServer } from 'node:net';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDynamo, openS3 } from '../../../functions/platform/aws/client.ts';
import { asOutage } from '../../../functions/platform/aws/outage.ts';
import { readSurroundings } from '../../../functions/platform/aws/surroundings.ts';
import { StoreUnavailable } from '../../../functions/platform/unavailable.ts';
import { type Aws, hasAws, startAws } from '../../aws.ts';
import { job } from '../contract/samples.ts';
import { between, type Fate, type Seen } from './between.ts';
import { openEdges } from './edges.ts';

const throttled: Fate = {
  status: 400,
  body: '{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"too much"}',
};
const operation = ({ headers }: Seen) => String(headers['x-amz-target']).split('.')[1];

describe.skipIf(!hasAws)('outages (npm run pretest installs SeaweedFS and moto)', () => {
  let aws: Aws;
  beforeAll(async () => {
    aws = await startAws();
  });
  afterAll(() => aws?.close());

  const dynamoBehind = (decide: (seen: Seen, all: readonly Seen[]) => Fate) =>
    between(aws.environment['AWS_ENDPOINT_URL_DYNAMODB'] ?? '', decide);

  test('a table that throttles is asked again, more and more slowly', async () => {
    const times: number[] = [];
    const { url } = await dynamoBehind((seen) => {
      if (operation(seen) !== 'UpdateItem' && operation(seen) !== 'PutItem') return 'passed';
      times.push(performance.now());
      return times.length <= 3 ? throttled : 'passed';
    });
    const { platform } = await openEdges(aws, { AWS_ENDPOINT_URL_DYNAMODB: url });
    // Opening writes the check of the key, and is throttled.
    expect(times.length).toBe(4);
    expect(await platform.jobs.create(job('a'))).toBe(true);
    expect(await platform.jobs.get('a')).toEqual(job('a'));
  });

  test('a table that throttles for too long is a passing outage, after seven tries', { timeout: 90_000 }, async () => {
    const { url, all } = await dynamoBehind(() => throttled);
    const dynamo = openDynamo(readSurroundings({ ...aws.environment, AWS_ENDPOINT_URL_DYNAMODB: url }));
    const asked = dynamo.send(new DescribeTableCommand({ TableName: 'any-table' }));
    await expect(asked).rejects.toThrow(StoreUnavailable);
    expect(all).toHaveLength(7);
    dynamo.destroy();
  });

  test('a write whose answer is lost is done once', async () => {
    const lost = new Set<string>();
    const { url } = await dynamoBehind((seen) => {
      const kind = operation(seen) ?? '';
      if (kind !== 'PutItem' || lost.has(seen.body)) return 'passed';
      lost.add(seen.body);
      return 'answer lost';
    });
    const { platform } = await openEdges(aws, { AWS_ENDPOINT_URL_DYNAMODB: url });
    expect(await platform.jobs.create(job('a'))).toBe(true);
    expect(await platform.jobs.create(job('a'))).toBe(false);
    const changed = await platform.jobs.update('a', (found) => ({ ...found, attempts: found.attempts + 1 }));
    expect(changed?.attempts).toBe(1);
    expect((await platform.jobs.get('a'))?.attempts).toBe(1);
    expect(await platform.cursors.move('c', undefined, '1')).toBe(true);
    expect(await platform.cursors.move('c', '1', '2')).toBe(true);
    expect(await platform.cursors.move('c', '1', '3')).toBe(false);
    expect(lost.size).toBeGreaterThan(3);
  });

  test('a table that does not answer is given up in its time', { timeout: 90_000 }, async () => {
    const { url, all } = await dynamoBehind(() => 'left waiting');
    const dynamo = openDynamo(readSurroundings({ ...aws.environment, AWS_ENDPOINT_URL_DYNAMODB: url }));
    const start = performance.now();
    await expect(dynamo.send(new DescribeTableCommand({ TableName: 'any-table' }))).rejects.toThrow(StoreUnavailable);
    // Seven times four seconds, and the pauses.
    expect(all).toHaveLength(7);
    expect(performance.now() - start).toBeGreaterThan(27_000);
    expect(performance.now() - start).toBeLessThan(60_000);
    dynamo.destroy();
  });

  test('a bucket that is away, or refuses, is told apart from one that is not there', async () => {
    const { platform } = await openEdges(aws);
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise<void>((resolve) => closed.close(() => resolve()));
    const s3 = openS3(readSurroundings({ ...aws.environment, AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}` }));
    await expect(s3.send(new ListBucketsCommand())).rejects.toThrow(StoreUnavailable);
    s3.destroy();
    const wrong = await openEdges(aws, { ALARA_UPLOADS_BUCKET: 'alara-bucket-nobody-made' });
    const got = wrong.platform.blobs.get('a').then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(await got).toMatchObject({ name: 'NoSuchBucket' });
    expect(await platform.blobs.get('a')).toBeUndefined();
  });

  test('an error of our own is not an outage', () => {
    const own = new Error('a bug');
    expect(asOutage(own)).toBe(own);
    expect(asOutage('text')).toBe('text');
    expect(asOutage(Object.assign(new Error('denied'), { $metadata: { httpStatusCode: 403 } }))).not.toBeInstanceOf(
      StoreUnavailable,
    );
  });
});
