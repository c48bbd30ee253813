import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openSqs } from '../../../functions/platform/aws/client.ts';
import { readAwsEnvironment } from '../../../functions/platform/aws/environment.ts';
import { awsQueue } from '../../../functions/storage/aws/queue.ts';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { openAwsPlatform } from '../../support/aws-platform.ts';
import { openProxy } from '../../support/proxy.ts';

describe.skipIf(!hasAws)('the queue on SQS (npm run pretest installs moto)', () => {
  let aws: Aws;
  beforeAll(async () => {
    aws = await startAws();
  });
  afterAll(() => aws?.close());

  async function openQueue(hopSeconds?: number, environment: Record<string, string> = {}) {
    const edges = await openAwsPlatform(aws);
    const client = openSqs(readAwsEnvironment({ ...aws.environment, ...environment }));
    const closing = new AbortController();
    const url = edges.environment['ALARA_QUEUE_URL'] ?? '';
    const queue = awsQueue(client, url, closing.signal, hopSeconds);
    onTestFinished(async () => {
      closing.abort();
      await queue.idle();
      client.destroy();
    });
    return { queue, client, url };
  }
  const wait = { visibilityMs: 60_000, waitMs: 10_000 };

  test('a delay longer than the maximum of SQS is split into hops, which are not counted as deliveries', async () => {
    const { queue } = await openQueue(2);
    const sent = performance.now();
    await queue.send('far', 5000);
    await queue.send('near', 0);
    expect((await queue.receive(wait))?.body).toBe('near');
    const first = await queue.receive(wait);
    expect(performance.now() - sent).toBeGreaterThan(4900);
    expect(first).toMatchObject({ body: 'far', attempt: 1 });
    await queue.release(first?.receipt ?? '', 5000);
    expect(await queue.receive(wait)).toMatchObject({ body: 'far', attempt: 2 });
    expect(performance.now() - sent).toBeGreaterThan(9900);
  });

  test('the requested delay never exceeds the maximum of SQS', async () => {
    const { url: behind, all } = await openProxy(aws.environment['AWS_ENDPOINT_URL_SQS'] ?? '', () => 'forward');
    const { queue } = await openQueue(undefined, { AWS_ENDPOINT_URL_SQS: behind });
    await queue.send('far', 3_600_000);
    await queue.send('near', 1500);
    const delays = all.map(({ body }) => JSON.parse(body).DelaySeconds);
    expect(delays).toEqual([900, 2]);
  });

  test('the redrive policy never removes a message that is released repeatedly, and the message keeps its count', async () => {
    const { client } = await openQueue();
    const dead = await client.send(new CreateQueueCommand({ QueueName: 'dead-letters' }));
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: dead.QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes?.['QueueArn'], maxReceiveCount: 2 });
    const made = await client.send(new CreateQueueCommand({ QueueName: 'redriven', Attributes: { RedrivePolicy } }));
    const queue = awsQueue(client, made.QueueUrl ?? '', new AbortController().signal);
    await queue.send('a');
    for (let attempt = 1; attempt <= 6; attempt++) {
      const delivery = await queue.receive(wait);
      expect(delivery).toMatchObject({ body: 'a', attempt });
      await queue.release(delivery?.receipt ?? '', 0);
    }
    // The redrive policy is for a message that kills each of its consumers.
    const short = { visibilityMs: 1000, waitMs: 4000 };
    expect((await queue.receive(short))?.attempt).toBe(7);
    expect((await queue.receive(short))?.attempt).toBe(8);
    expect(await queue.receive(short)).toBeUndefined();
    const deadLetters = awsQueue(client, dead.QueueUrl ?? '', new AbortController().signal);
    expect((await deadLetters.receive(wait))?.body).toBe('a');
    await Promise.all([queue.idle(), deadLetters.idle()]);
  });

  test('concurrent waits share their polls, and each gets its own message', async () => {
    const { url: behind, all } = await openProxy(aws.environment['AWS_ENDPOINT_URL_SQS'] ?? '', () => 'forward');
    const { queue } = await openQueue(undefined, { AWS_ENDPOINT_URL_SQS: behind });
    const waiting = Array.from({ length: 8 }, () => queue.receive({ visibilityMs: 60_000, waitMs: 2500 }));
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 8 }, () => undefined));
    // Three polls of one second each, not eight times three.
    expect(all.length).toBeLessThanOrEqual(4);
    for (let i = 0; i < 8; i++) await queue.send(`m${i}`);
    const got = await Promise.all(Array.from({ length: 8 }, () => queue.receive(wait)));
    expect(new Set(got.map((delivery) => delivery?.body)).size).toBe(8);
  });

  test('an error ends every wait, and the next wait polls again', async () => {
    let broken = true;
    const { url: behind } = await openProxy(aws.environment['AWS_ENDPOINT_URL_SQS'] ?? '', () =>
      broken ? { status: 403, body: '{"__type":"AccessDeniedException","message":"no"}' } : 'forward',
    );
    const { queue } = await openQueue(undefined, { AWS_ENDPOINT_URL_SQS: behind });
    const failed = await Promise.allSettled([queue.receive(wait), queue.receive(wait)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    broken = false;
    await queue.send('a');
    expect((await queue.receive(wait))?.body).toBe('a');
  });
});
