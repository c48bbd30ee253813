import { createServer } from 'node:net';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { redactedError } from '../../../functions/core/errors.ts';
import { createBreaker } from '../../../functions/platform/aws/circuit-breaker.ts';
import { openDynamo, openS3 } from '../../../functions/platform/aws/client.ts';
import { readAwsEnvironment } from '../../../functions/platform/aws/environment.ts';
import { asOutage } from '../../../functions/platform/aws/errors.ts';
import { StoreUnavailable } from '../../../functions/platform/store-unavailable.ts';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { openAwsPlatform } from '../../support/aws-platform.ts';
import { type Fate, openProxy, type Seen } from '../../support/proxy.ts';
import { job } from '../../support/storage-contract/samples.ts';

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
    openProxy(aws.environment['AWS_ENDPOINT_URL_DYNAMODB'] ?? '', decide);

  test('a throttled table is asked again with growing pauses', async () => {
    const times: number[] = [];
    const { url } = await dynamoBehind((seen) => {
      if (operation(seen) !== 'UpdateItem' && operation(seen) !== 'PutItem') return 'forward';
      times.push(performance.now());
      return times.length <= 3 ? throttled : 'forward';
    });
    const { platform } = await openAwsPlatform(aws, { AWS_ENDPOINT_URL_DYNAMODB: url });
    // Opening writes the check of the key, and this write is throttled.
    expect(times.length).toBe(4);
    expect(await platform.jobs.create(job('a'))).toBe(true);
    expect(await platform.jobs.get('a')).toEqual(job('a'));
  });

  test('a table that is throttled for too long is a temporary outage after six attempts', {
    timeout: 90_000,
  }, async () => {
    const { url, all } = await dynamoBehind(() => throttled);
    const dynamo = openDynamo(readAwsEnvironment({ ...aws.environment, AWS_ENDPOINT_URL_DYNAMODB: url }));
    const asked = dynamo.send(new DescribeTableCommand({ TableName: 'any-table' }));
    await expect(asked).rejects.toThrow(StoreUnavailable);
    expect(all).toHaveLength(6);
    dynamo.destroy();
  });

  test('a write is executed once when its answer is lost', async () => {
    const lost = new Set<string>();
    const { url } = await dynamoBehind((seen) => {
      const kind = operation(seen) ?? '';
      if (kind !== 'PutItem' || lost.has(seen.body)) return 'forward';
      lost.add(seen.body);
      return 'lose answer';
    });
    const { platform } = await openAwsPlatform(aws, { AWS_ENDPOINT_URL_DYNAMODB: url });
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

  test('a table that does not answer fails within its time limit', { timeout: 90_000 }, async () => {
    const { url, all } = await dynamoBehind(() => 'hang');
    const dynamo = openDynamo(readAwsEnvironment({ ...aws.environment, AWS_ENDPOINT_URL_DYNAMODB: url }));
    const start = performance.now();
    await expect(dynamo.send(new DescribeTableCommand({ TableName: 'any-table' }))).rejects.toThrow(StoreUnavailable);
    // Six times two seconds plus the pauses: a request that needs the table ends within its time limit.
    expect(all).toHaveLength(6);
    expect(performance.now() - start).toBeGreaterThan(11_500);
    expect(performance.now() - start).toBeLessThan(25_000);
    dynamo.destroy();
  });

  test('S3 that accepts connections without answers fails within the time limit of the first caller, and then at once', {
    timeout: 90_000,
  }, async () => {
    const { platform } = await openAwsPlatform(aws);
    await platform.blobs.put('a', new Blob(['film']).stream(), 100);
    const timed = async (work: () => Promise<unknown>) => {
      const start = performance.now();
      const outcome = await work().then(
        () => 'answered',
        (error: unknown) => (error instanceof StoreUnavailable ? 'away' : error),
      );
      return { outcome, ms: performance.now() - start };
    };
    const get = () => platform.blobs.get('a').then((found) => found ?? Promise.reject(new Error('it is gone')));
    aws.s3.hang();
    try {
      const first = await Promise.all([timed(get), timed(get)]);
      for (const { outcome, ms } of first) {
        expect(outcome).toBe('away');
        expect(ms).toBeLessThan(20_000);
      }
      const put = await timed(() => platform.blobs.put('b', new Blob(['film']).stream(), 100));
      expect(put.outcome).toBe('away');
      expect(put.ms).toBeLessThan(500);
      // Only one request probes whether S3 is back, and only this request waits.
      await new Promise((resolve) => setTimeout(resolve, 2100));
      const probes = await Promise.all([timed(get), timed(get), timed(get)]);
      expect(probes.map(({ outcome }) => outcome)).toEqual(['away', 'away', 'away']);
      expect(probes.filter(({ ms }) => ms > 1000)).toHaveLength(1);
    } finally {
      aws.s3.resume();
    }
    await vi.waitFor(async () => expect((await timed(get)).outcome).toBe('answered'), { timeout: 60_000 });
  });

  test('a circuit breaker ignores refusals, and closes with the first answer', async () => {
    const guard = createBreaker(50);
    const away = () => guard(() => Promise.reject(new StoreUnavailable('away')));
    const refusal = () => guard(() => Promise.reject(new Error('not there')));
    for (let i = 0; i < 3; i++) await expect(refusal()).rejects.toThrow('not there');
    await expect(away()).rejects.toThrow('away');
    await expect(guard(async () => 1)).rejects.toThrow(StoreUnavailable);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await expect(refusal()).rejects.toThrow('not there');
    expect(await guard(async () => 1)).toBe(1);
  });

  test('a bucket that is unavailable or refuses access is distinguished from a missing bucket', async () => {
    const { platform } = await openAwsPlatform(aws);
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise<void>((resolve) => closed.close(() => resolve()));
    const s3 = openS3(readAwsEnvironment({ ...aws.environment, AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}` }));
    await expect(s3.send(new ListBucketsCommand())).rejects.toThrow(StoreUnavailable);
    s3.destroy();
    const wrong = await openAwsPlatform(aws, { ALARA_UPLOADS_BUCKET: 'alara-missing-bucket' });
    const got = wrong.platform.blobs.get('a').then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(await got).toMatchObject({ name: 'NoSuchBucket' });
    expect(await platform.blobs.get('a')).toBeUndefined();
  });

  test.each([
    ['a permission that is missing', 'AccessDeniedException', 400],
    ['the same on S3', 'AccessDenied', 403],
    ['a refusal without a word, as to HEAD', 'Unknown', 403],
    ['a key that is disabled', 'KMS.DisabledException', 400],
    ['the same on SQS', 'KmsDisabled', 400],
    ['credentials that have expired', 'ExpiredTokenException', 400],
    ['a clock that is wrong', 'RequestTimeTooSkewed', 403],
  ])('%s needs the operator: all work that needs the store waits', (_, name, httpStatusCode) => {
    const refused = Object.assign(new Error('said with a UID'), { name, $metadata: { httpStatusCode } });
    expect(asOutage(refused)).toBeInstanceOf(StoreUnavailable);
    // The log names the error, and contains nothing of its message.
    expect(redactedError(asOutage(refused))).toMatchObject({ name: 'StoreUnavailable', code: name });
    expect(JSON.stringify(redactedError(asOutage(refused)))).not.toContain('UID');
  });

  test.each([
    ['a condition that is not met', 'ConditionalCheckFailedException', 400],
    ['a table that is not there', 'ResourceNotFoundException', 400],
    ['an object that is not there', 'NoSuchKey', 404],
    ['a version that is not there any more', 'PreconditionFailed', 412],
    ['a request that is wrong', 'ValidationException', 400],
  ])('%s is not an outage', (_, name, httpStatusCode) => {
    const answer = Object.assign(new Error('no'), { name, $metadata: { httpStatusCode } });
    expect(asOutage(answer)).toBe(answer);
  });

  test('a table that refuses access is reported as unavailable, and is used again after its recovery', {
    timeout: 60_000,
  }, async () => {
    let refuses = false;
    const { url } = await dynamoBehind(() =>
      refuses
        ? { status: 400, body: '{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no"}' }
        : 'forward',
    );
    const { platform } = await openAwsPlatform(aws, { AWS_ENDPOINT_URL_DYNAMODB: url });
    await platform.jobs.create(job('a'));
    refuses = true;
    await expect(platform.jobs.get('a')).rejects.toThrow(StoreUnavailable);
    refuses = false;
    expect(await platform.jobs.get('a')).toEqual(job('a'));
  });

  test('an internal error is not an outage', () => {
    const own = new Error('a bug');
    expect(asOutage(own)).toBe(own);
    expect(asOutage('text')).toBe('text');
  });
});
