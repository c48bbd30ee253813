import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { emptyFolder, using } from '../../support/sqlite-folder.ts';
import { job } from '../../support/storage-contract/samples.ts';

const child = fileURLToPath(new URL('../../support/sqlite-child.ts', import.meta.url));

/** Start a child in a role. `said` has each complete line of its output so far. */
function start(role: string, folder: string) {
  const process_ = spawn(process.execPath, [child, role, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void process_.kill('SIGKILL'));
  let text = '';
  process_.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  return { kill: () => process_.kill('SIGKILL'), closed: once(process_, 'close'), said: () => lines(text) };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(5);
}

const lines = (text: string) => text.split('\n').slice(0, -1);

test('a killed process loses no confirmed write', async () => {
  const folder = emptyFolder();
  const promised: string[] = [];
  for (const writes of [10, 17, 25, 50]) {
    const writer = start('write', folder);
    await until(() => writer.said().length > writes);
    writer.kill();
    await writer.closed;
    promised.push(...writer.said());
  }
  await using(folder, async ({ blobs, jobs, queue, readings }) => {
    const messages = new Set<string>();
    for (;;) {
      const delivery = await queue.receive({ visibilityMs: 60_000, waitMs: 0 });
      if (!delivery) break;
      messages.add(delivery.body);
    }
    const holds: Record<string, (id: string, fill: string) => Promise<boolean>> = {
      blob: async (id, fill) => (await blobs.get(id))?.every((byte) => byte === Number(fill)) ?? false,
      job: async (id) => (await jobs.get(id))?.id === id,
      message: async (id) => messages.has(id),
      reading: async (id) => (await readings.get('clinic', id))?.reading.id === id,
    };
    const lost: string[] = [];
    for (const line of promised) {
      const [kind = '', id = '', fill = ''] = line.split(' ');
      if (!(await holds[kind]?.(id, fill))) lost.push(line);
    }
    expect(lost).toEqual([]);
    // The partial file of a killed process is not a blob, and the next pruning removes the file.
    expect(await blobs.prune(new Date(Date.now() + 1000))).toBeGreaterThanOrEqual(promised.length / 4 - 4);
  });
});

test('three processes on one queue and one job: each message goes to one process, and no change is lost', async () => {
  const folder = emptyFolder();
  const bodies = Array.from({ length: 300 }, (_, i) => `m${i}`);
  const consumers = [1, 2, 3].map(() => start('consume', folder));
  await until(() => consumers.every(({ said }) => said().length > 0));
  await using(folder, async ({ jobs, queue }) => {
    await jobs.create(job('counter'));
    for (const body of bodies) await queue.send(body);
  });
  await Promise.all(consumers.map(({ closed }) => closed));
  const shares = consumers.map(({ said }) => said().slice(1));
  expect(shares.flat().toSorted()).toEqual(bodies.toSorted());
  expect(shares.filter((share) => share.length > 0).length).toBeGreaterThan(1);
  await using(folder, async ({ jobs, queue }) => {
    expect((await jobs.get('counter'))?.attempts).toBe(bodies.length);
    expect(await queue.depth()).toEqual({ waiting: 0, inFlight: 0 });
  });
});

test('processes that open a new folder at the same moment use the same key', async () => {
  const folder = emptyFolder();
  const openers = Array.from({ length: 4 }, () => start('open', folder));
  const codes = await Promise.all(openers.map(async ({ closed }) => (await closed)[0]));
  expect(codes).toEqual([0, 0, 0, 0]);
});
