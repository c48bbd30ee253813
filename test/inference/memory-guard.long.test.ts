import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { folderObjects } from '../../functions/models/store/folder.ts';
import { family, serve, until } from '../support/cli.ts';
import { folder, name, publishUnchecked, retrained } from '../support/published.ts';
import { film } from '../support/service.ts';

const hasProc = existsSync('/proc/self/status');
const environmentOf = (pid: number) => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
const residentMb = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1e3;

test.skipIf(!hasProc)('the server limits its heap to two arenas, unless the operator sets another limit', async () => {
  expect(environmentOf((await serve()).serverPid())).toContain('MALLOC_ARENA_MAX=2');
  expect(environmentOf((await serve({ MALLOC_ARENA_MAX: '7' })).serverPid())).toContain('MALLOC_ARENA_MAX=7');
});

test.skipIf(!hasProc)('memory is bounded over many reloads of the models', { timeout: 400_000 }, async () => {
  const store = folder();
  const objects = folderObjects(store);
  const families = ['models', retrained()];
  await publishUnchecked(objects, 'models', 'live');
  const { url, serverPid } = await serve({
    ...{ ALARA_MODELS: pathToFileURL(store).href, ALARA_POINTER_SECONDS: '1', ALARA_WORKERS: '2' },
    ALARA_DEADLINE_MS: '120000',
  });
  let films = 0;
  const read = async (variant: string) => {
    const body = Buffer.concat([film('00000100_000.png'), Buffer.from(String(films++))]);
    const headers = { 'content-type': 'image/png' };
    const answer = await fetch(`${url}/v1/readings?findings=Mass&variant=${variant}`, {
      method: 'POST',
      headers,
      body,
    });
    expect(answer.status, await answer.text()).toBe(201);
  };
  const digest = async () => (await (await fetch(`${url}/v1/catalog`)).json()).digest as string;
  /** Run every variant in every thread. Returns the memory of the process. */
  async function use(): Promise<number> {
    for (const { id } of family.catalog.variants) await Promise.all([1, 2, 3, 4].map(() => read(id)));
    return residentMb(serverPid());
  }
  const taken: number[] = [await use()];
  for (let i = 1; i <= 4; i++) {
    const before = await digest();
    await publishUnchecked(objects, families[i % 2] ?? name, 'live');
    await until(async () => (await digest()) !== before, 60_000);
    taken.push(await use());
  }
  // Both families are in memory during the first reload, and that memory is reused. Without the guard each reload adds 250 MB.
  expect((taken[4] ?? 0) - (taken[1] ?? 0), taken.map(Math.round).join()).toBeLessThan(400);
});
