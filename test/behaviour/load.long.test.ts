import { afterAll, beforeAll, expect, test } from 'vitest';
import { film, openService, post, type Service } from '../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await openService({ ALARA_QUEUE: '256' });
});
afterAll(() => service?.close());

const names = ['00000442_000.png', '00000100_000.png'];
/** The same film with two trailing bytes: the pixels are equal and the id differs. */
const variantOf = (name: string, i: number) => new Uint8Array(Buffer.concat([film(name), Buffer.of(i & 255, i >> 8)]));
const answer = async (i: number) => {
  const name = names[i % names.length] ?? '';
  const response = await post(service.app, i % 4 < 2 ? '?findings=Nodule' : '', variantOf(name, i));
  expect(response.status, await response.clone().text()).toBe(201);
  const { findings } = await response.json();
  return findings.map((f: { finding: string; probability: number; call: string }) => [
    f.finding,
    f.probability,
    f.call,
  ]);
};

test('200 concurrent requests give the same readings as sequential requests, and memory stops growing', {
  timeout: 300_000,
}, async () => {
  const sequential: unknown[] = [];
  for (let i = 0; i < 4; i++) sequential.push(await answer(i));
  const wave = async (from: number) => {
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => answer(from + i)));
    answers.forEach((found, i) => {
      expect(found).toEqual(sequential[(from + i) % 4]);
    });
    return process.memoryUsage().rss;
  };
  await wave(1000);
  const second = await wave(2000);
  const third = await wave(3000);
  // The service keeps nothing of a film. After the warm-up, a wave needs no more memory than the wave before, except for uncollected heap.
  expect(third).toBeLessThan(second * 1.25);
});
