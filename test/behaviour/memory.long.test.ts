import { existsSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { readConfig } from '../../functions/platform/config.ts';
import { sizes } from '../../lib/environments.ts';
import { type Answer, concurrently, jobs, openMeasured, read, stow } from '../support/large.ts';

/** Much less than the total size of the requests. */
const bufferMb = 64;
let service: Awaited<ReturnType<typeof openMeasured>> | undefined;
afterEach(async () => {
  await service?.close();
  service = undefined;
});

/** Growth of the real service in MB during these requests. */
async function growth(send: (url: string) => Promise<Answer[]>): Promise<{ grownMb: number; answers: Answer[] }> {
  service = await openMeasured({ ALARA_BUFFER_MB: String(bufferMb), ALARA_WORKERS: '2' });
  const ready = service.memory('VmRSS');
  const answers = await send(service.url);
  return { grownMb: service.memory('VmHWM') - ready, answers };
}
const statuses = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))].toSorted();
/** Tolerance for socket buffers and for memory that is not yet collected. */
const slackMb = 150;

const isLinux = existsSync('/proc/self/status');
const timeout = 120_000;
test.skipIf(!isLinux)(
  'streams films of STOW-RS in bounded memory, for any size and number of films',
  { timeout },
  async () => {
    const { grownMb, answers } = await growth((url) => concurrently(4, () => stow(url, 100)));
    expect(statuses(answers)).toEqual([200]);
    // Without streaming, each of these films takes 650 MB.
    expect(grownMb).toBeLessThan(bufferMb + slackMb);
  },
);

test.skipIf(!isLinux)('jobs on a film that is larger than the buffer load it one after the other', async () => {
  const { grownMb, answers } = await growth((url) => jobs(url, 4, 100));
  expect(statuses(answers)).toEqual([202]);
  expect(grownMb).toBeLessThan(100 + slackMb);
});

test.skipIf(!isLinux)('asks clients to repeat requests when memory is full', { timeout }, async () => {
  const { grownMb, answers } = await growth((url) => concurrently(40, () => read(url, 20)));
  expect(statuses(answers)).toEqual([415, 503]);
  for (const { headers, body } of answers.filter(({ status }) => status === 503)) {
    expect(JSON.parse(body)).toMatchObject({ code: 'queue_full' });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  }
  expect(grownMb).toBeLessThan(bufferMb + slackMb);
  // The memory is free again.
  expect((await read(service?.url ?? '', 30)).status).toBe(415);
});

test('the default leaves memory for models and decoding in the smallest task', () => {
  const { bufferBytes } = readConfig({});
  const modelsMb = 1041;
  // The largest readable film, in 16 bits and inflated, and a second copy during processing.
  const decodingMb = 600;
  const smallestMb = (sizes.small.memoryMiB * 2 ** 20) / 1e6;
  expect(modelsMb + decodingMb + (1.4 * bufferBytes) / 1e6).toBeLessThan(smallestMb);
});
