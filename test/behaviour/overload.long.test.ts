import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { film as engineFilm } from '../support/real-engine.ts';
import { film, openService, post, type Service } from '../support/service.ts';

let service: Service;
const deadlineMs = 4000;
beforeAll(async () => {
  service = await openService({ ALARA_ROLE: 'api', ALARA_WORKERS: '1', ALARA_DEADLINE_MS: `${deadlineMs}` });
});
afterAll(() => service?.close());

let sent = 0;
const fresh = () => new Uint8Array(Buffer.concat([film('00000442_000.png'), Buffer.from(String(++sent))]));

async function measured(body = fresh()) {
  const start = performance.now();
  const answer = await post(service.app, '', body);
  const { code } = await answer.json();
  return { status: answer.status, code, ms: performance.now() - start };
}

test('under overload every answer arrives within the deadline, and films are read all the time', async () => {
  for (let i = 0; i < 3; i++) expect((await measured()).status).toBe(201);
  const answers: Promise<Awaited<ReturnType<typeof measured>>>[] = [];
  // Two seconds at about ten times the rate of one thread on a quiet machine.
  for (let i = 0; i < 400; i++) {
    answers.push(measured());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const all = await Promise.all(answers);
  const read = all.filter(({ status }) => status === 201);
  expect(read.length).toBeGreaterThan(5);
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set([201, 503]));
  // Answers were up to 2.3 s late without the limit. A queue of 256 films takes 9 s or more here.
  expect(Math.max(...all.map(({ ms }) => ms))).toBeLessThan(deadlineMs + 250);
});

test('refuses a film before its body is read when the queue is full', async () => {
  // The engine queues these films in this tick: more films than the queue holds, on a machine of any speed.
  const waiting = Array.from({ length: 1000 }, () =>
    service.engine.read(engineFilm('r512-fp32'), undefined, undefined, 'local'),
  );
  expect(service.engine.overload('local')).toMatchObject({ code: 'queue_full' });
  const pull = vi.fn((controller: ReadableStreamDefaultController) => controller.enqueue(new Uint8Array(1000)));
  const body = new ReadableStream({ pull }, { highWaterMark: 0 });
  const init = { method: 'POST', headers: { 'content-type': 'image/png' }, body, duplex: 'half' };
  const answer = await service.app.request('/v1/readings', init as RequestInit);
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(pull).not.toHaveBeenCalled();
  const all = await Promise.all(waiting);
  expect(all.some(({ ok }) => ok)).toBe(true);
});
