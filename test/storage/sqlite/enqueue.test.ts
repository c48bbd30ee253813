import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { replay, submit } from '../../../functions/jobs/submit.ts';
import { emptyFolder, using } from '../../support/sqlite-folder.ts';
import { job } from '../../support/storage-contract/samples.ts';

const input = { kind: 'film', upload: 'a', mediaType: 'image/png', parameters: {} } as const;

/** Reject all messages, like a disk that has space for the job only. */
function refuseMessages(folder: string): void {
  const db = new DatabaseSync(join(folder, 'alara.sqlite'));
  db.exec(`CREATE TRIGGER no_room BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'no room'); END`);
  db.close();
}

test('a job is discarded if its message cannot be stored, and a replayed job stays unchanged', async () => {
  const folder = emptyFolder();
  await using(folder, async ({ jobs, enqueue }) => {
    await jobs.create(job('dead', { state: 'dead' }));
    refuseMessages(folder);
    await expect(submit({ enqueue }, 'a', 'local', input)).rejects.toThrow('no room');
    expect(await jobs.get('a')).toBeUndefined();
    await expect(replay({ enqueue }, 'dead')).rejects.toThrow('no room');
    expect((await jobs.get('dead'))?.state).toBe('dead');
  });
});

test('a process that is killed at any moment leaves no job without a message and no message without a job', {
  timeout: 60_000,
}, async () => {
  const child = fileURLToPath(new URL('../../support/sqlite-child.ts', import.meta.url));
  let made = 0;
  for (let i = 0; i < 6; i++) {
    const folder = emptyFolder();
    const process_ = spawn(process.execPath, [child, 'enqueue', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(process_.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, 20 + 15 * i));
    process_.kill('SIGKILL');
    await once(process_, 'exit');
    await using(folder, async ({ jobs, queue }) => {
      const kept = await jobs.list({ limit: 1_000_000 });
      expect(await queue.depth()).toEqual({ waiting: kept.length, inFlight: 0 });
      made += kept.length;
    });
  }
  expect(made).toBeGreaterThan(6);
});
