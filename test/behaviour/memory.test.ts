import { existsSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { readConfig } from '../../functions/platform/config.ts';
import { sizes } from '../../lib/environments.ts';
import { type Answer, jobs, many, openMeasured, read, stow } from '../support/large.ts';

/** Much less than what is sent at once. */
const bufferMb = 64;
let service: Awaited<ReturnType<typeof openMeasured>> | undefined;
afterEach(async () => {
  await service?.close();
  service = undefined;
});

/** What the real service grows by, in MB, while it is sent all this. */
async function growth(send: (url: string) => Promise<Answer[]>): Promise<{ grownMb: number; answers: Answer[] }> {
  service = await openMeasured({ ALARA_BUFFER_MB: String(bufferMb), ALARA_WORKERS: '2' });
  const ready = service.memory('VmRSS');
  const answers = await send(service.url);
  return { grownMb: service.memory('VmHWM') - ready, answers };
}
const statuses = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))].toSorted();
/** Not on the way to anything: buffers of sockets, and what the collector has not come to. */
const slackMb = 150;

const isLinux = existsSync('/proc/self/status');
const timeout = 120_000;
test.skipIf(!isLinux)('films by STOW-RS go by, however large they are and however many come', { timeout }, async () => {
  const { grownMb, answers } = await growth((url) => many(4, () => stow(url, 100)));
  expect(statuses(answers)).toEqual([200]);
  // Each of these films took 650 MB before.
  expect(grownMb).toBeLessThan(bufferMb + slackMb);
});

test.skipIf(!isLinux)(
  'jobs on a film that is larger than the buffer have it in memory one after the other',
  async () => {
    const { grownMb, answers } = await growth((url) => jobs(url, 4, 100));
    expect(statuses(answers)).toEqual([202]);
    expect(grownMb).toBeLessThan(100 + slackMb);
  },
);

test.skipIf(!isLinux)('requests for which there is no room are to come again', { timeout }, async () => {
  const { grownMb, answers } = await growth((url) => many(40, () => read(url, 20)));
  expect(statuses(answers)).toEqual([415, 503]);
  for (const { headers, body } of answers.filter(({ status }) => status === 503)) {
    expect(JSON.parse(body)).toMatchObject({ code: 'queue_full' });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  }
  expect(grownMb).toBeLessThan(bufferMb + slackMb);
  // The room is free again.
  expect((await read(service?.url ?? '', 30)).status).toBe(415);
});

test('the default leaves room for models and decoding in the smallest task', () => {
  const { bufferBytes } = readConfig({});
  const modelsMb = 1041;
  // The largest film that is read, in 16 bits and inflated, and once more as it is worked on.
  const decodingMb = 600;
  const smallestMb = (sizes.small.memoryMiB * 2 ** 20) / 1e6;
  expect(modelsMb + decodingMb + (1.4 * bufferBytes) / 1e6).toBeLessThan(smallestMb);
});
