import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ok } from '../../../functions/core/result.ts';
import { startRunner } from '../../../functions/jobs/runner.ts';
import { replay, submit } from '../../../functions/jobs/submit.ts';
import { openSqs } from '../../../functions/platform/aws/client.ts';
import { readAwsEnvironment } from '../../../functions/platform/aws/environment.ts';
import { createLog } from '../../../functions/platform/log.ts';
import type { Platform } from '../../../functions/storage/platform.ts';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { openAwsPlatform } from '../../support/aws-platform.ts';
import { done } from '../../support/job-bench.ts';
import { type Fate, openProxy } from '../../support/proxy.ts';

const input = { kind: 'film', upload: 'x', mediaType: 'image/png', parameters: {} } as const;
const broken: Fate = {
  status: 500,
  body: '{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"away"}',
};

describe.skipIf(!hasAws)('jobs while their table is unavailable (npm run pretest)', { timeout: 90_000 }, () => {
  let aws: Aws;
  beforeAll(async () => {
    aws = await startAws();
  });
  afterAll(() => aws?.close());

  function work(platform: Platform, film = done.film) {
    const runner = startRunner({
      ...{ platform, handlers: { ...done, film }, concurrency: 5, retentionMs: 86_400_000 },
      ...{ visibilityMs: 6000, log: createLog('silent'), retry: { baseMs: 10, capMs: 20 } },
    });
    onTestFinished(() => runner.stop());
  }

  /** A queue of the stack with a redrive policy that removes a message after one failed delivery. */
  async function redriven() {
    const sqs = openSqs(readAwsEnvironment(aws.environment));
    onTestFinished(() => sqs.destroy());
    const dead = await sqs.send(new CreateQueueCommand({ QueueName: 'dead-letters-of-jobs' }));
    const attributes = async (QueueUrl: string | undefined) =>
      (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))).Attributes ?? {};
    const deadLetterTargetArn = (await attributes(dead.QueueUrl))['QueueArn'];
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 });
    const made = await sqs.send(new CreateQueueCommand({ QueueName: 'jobs', Attributes: { RedrivePolicy } }));
    return {
      url: made.QueueUrl ?? '',
      deadLetters: async () => Number((await attributes(dead.QueueUrl))['ApproximateNumberOfMessages']),
    };
  }

  test('wait for the table for any number of deliveries', async () => {
    let away = false;
    const refused: Record<string, number> = {};
    const { url } = await openProxy(aws.environment['AWS_ENDPOINT_URL_DYNAMODB'] ?? '', ({ body }) => {
      if (!away) return 'forward';
      const [job] = /job_\d/.exec(body) ?? [];
      if (job) refused[job] = (refused[job] ?? 0) + 1;
      return broken;
    });
    const queue = await redriven();
    const { platform } = await openAwsPlatform(aws, {
      ...{ ALARA_QUEUE_URL: queue.url, AWS_ENDPOINT_URL_DYNAMODB: url },
    });
    for (let i = 0; i < 2; i++) await submit(platform, `job_${i}`, 'local', input);
    away = true;
    work(platform);
    // Seven attempts per delivery: the message was delivered again, which the redrive policy would prevent.
    const twice = { job_0: expect.toSatisfy((n) => n > 7), job_1: expect.toSatisfy((n) => n > 7) };
    await vi.waitFor(() => expect(refused).toEqual(twice), { timeout: 60_000, interval: 200 });
    expect(await queue.deadLetters()).toBe(0);
    away = false;
    await vi.waitFor(async () => expect(await platform.jobs.list({ state: 'done', limit: 9 })).toHaveLength(2), {
      timeout: 60_000,
      interval: 200,
    });
    for (const { attempts } of await platform.jobs.list({ limit: 9 })) expect(attempts).toBe(1);
    expect(await queue.deadLetters()).toBe(0);
  });

  test('are not lost when they are replayed and a write is slow', async () => {
    let slowMs = 0;
    const { url } = await openProxy(
      aws.environment['AWS_ENDPOINT_URL_DYNAMODB'] ?? '',
      async ({ headers }): Promise<Fate> => {
        if (String(headers['x-amz-target']).endsWith('PutItem')) await new Promise((go) => setTimeout(go, slowMs));
        return 'forward';
      },
    );
    const { platform, environment, another } = await openAwsPlatform(aws);
    const operator = await openAwsPlatform(aws, { ...environment, AWS_ENDPOINT_URL_DYNAMODB: url });
    await submit(platform, 'job_r', 'local', input);
    const delivery = await platform.queue.receive({ visibilityMs: 60_000, waitMs: 3000 });
    await platform.queue.remove(delivery?.receipt ?? '');
    await platform.jobs.update('job_r', (job) => ({ ...job, state: 'dead', fault: { code: 'internal' } }));
    work(await another(), async () => ok([{ reading: 'rd_1' }]));
    slowMs = 1500;
    expect(await replay(operator.platform, 'job_r')).toMatchObject({ state: 'queued' });
    await vi.waitFor(async () => expect((await platform.jobs.get('job_r'))?.state).toBe('done'), {
      timeout: 60_000,
      interval: 100,
    });
  });
});
