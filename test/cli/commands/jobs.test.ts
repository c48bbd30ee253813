import { expect, onTestFinished, test } from 'vitest';
import { jobStates } from '../../../functions/core/job.ts';
import { openEmbedded } from '../../../functions/storage/sqlite/open-sqlite.ts';
import { alara, folder } from '../../support/cli.ts';
import { instance, job } from '../../support/storage-contract/samples.ts';

const fault = { code: 'pacs_unavailable', problem: 'no answer in 10 s' } as const;
const uids = [instance.studyInstanceUid, instance.sopInstanceUid, instance.seriesInstanceUid];

/** A store with a job in each state, open as in a running server. */
async function store() {
  const data = folder();
  const platform = openEmbedded(data);
  onTestFinished(platform.close);
  const outcomes = [
    { sopInstanceUid: instance.sopInstanceUid, reading: 'rd_a', stored: [instance.seriesInstanceUid] },
    { sopInstanceUid: instance.sopInstanceUid, refused: { code: 'multi_frame', frames: 2 } },
  ];
  for (const [i, state] of jobStates.entries())
    await platform.jobs.create(
      job(`job_${state}`, {
        state,
        outcomes,
        createdAt: `2026-01-0${i + 1}T00:00:00.000Z`,
        ...(['dead', 'failed'].includes(state) && { attempts: 8, fault }),
      }),
    );
  return { ...platform, run: (...args: string[]) => alara(['jobs', ...args], { ALARA_DATA: data }) };
}

test('ls lists every job, newest first, without UIDs', async () => {
  const { run } = await store();
  const { stdout, code } = await run('ls');
  expect(stdout.match(/^job_\w+/gm)).toEqual(jobStates.toReversed().map((state) => `job_${state}`));
  expect(stdout).toMatch(/^job_dead\s+clinic +study +dead +8 +0\/1 +2026-\S+Z +pacs_unavailable$/m);
  for (const uid of uids) expect(stdout).not.toContain(uid);
  expect(code).toBe(0);
});

test('ls accepts a state, a limit and JSON', async () => {
  const { run } = await store();
  const dead = await run('ls', '--state', 'dead', '--json');
  expect(JSON.parse(dead.stdout)).toMatchObject([{ id: 'job_dead', kind: 'study', state: 'dead', fault: fault.code }]);
  for (const uid of uids) expect(dead.stdout).not.toContain(uid);
  expect(JSON.parse((await run('ls', '--limit', '2', '--json')).stdout)).toHaveLength(2);
  const wrong = [await run('ls', '--state', 'lost'), await run('ls', '--limit', 'all')];
  expect(wrong.map(({ code }) => code)).toEqual([2, 2]);
  expect((await alara(['jobs', 'ls', '--state', 'dead'], { ALARA_DATA: folder() })).stdout).toMatch(/no dead jobs in/);
});

test('show prints why a job stopped, and its film only on request', async () => {
  const { run } = await store();
  const { stdout } = await run('show', 'job_dead');
  expect(stdout).toMatch(/^state +dead$/m);
  expect(stdout).toMatch(/^fault +pacs_unavailable: The PACS does not answer \(no answer in 10 s\)\.\s+Check/m);
  expect(stdout).toMatch(/^outcome +rd_a, 1 objects stored\noutcome +refused: multi_frame$/m);
  for (const uid of uids) expect(stdout).not.toContain(uid);
  const { stdout: detailed } = await run('show', 'job_dead', '--details');
  for (const uid of uids) expect(detailed).toContain(uid);
  const json = JSON.parse((await run('show', 'job_dead', '--json')).stdout);
  expect(json).toMatchObject({
    state: 'dead',
    fault: { code: 'pacs_unavailable', fix: expect.any(String) },
    outcomes: [{ reading: 'rd_a', objectsStored: 1 }, { refused: 'multi_frame' }],
  });
  for (const uid of uids) expect(JSON.stringify(json)).not.toContain(uid);
  const unknown = await run('show', 'job_lost');
  expect(unknown.stderr).toContain('no job job_lost');
  expect(unknown.code).toBe(2);
});

test('retry queues a dead or failed job by its id, reports a job that is already queued, and leaves other jobs unchanged', async () => {
  const { run, jobs, queue } = await store();
  for (const state of ['dead', 'failed', 'queued'] as const) {
    const { stdout } = await run('retry', `job_${state}`);
    expect(stdout).toBe(`Job job_${state} is queued again.\n`);
    const retried = await jobs.get(`job_${state}`);
    expect(retried).toMatchObject({ state: 'queued', attempts: 0, input: job('').input });
    expect(retried?.fault).toBeUndefined();
    const delivery = await queue.receive({ visibilityMs: 60_000, waitMs: 5000 });
    expect(delivery?.body).toBe(`job_${state}`);
  }
  for (const state of ['running', 'done'] as const) {
    const before = await jobs.get(`job_${state}`);
    const { code, stderr } = await run('retry', `job_${state}`);
    expect(stderr).toContain(`job_${state} is ${state}`);
    expect(code).toBe(2);
    expect(await jobs.get(`job_${state}`)).toEqual(before);
  }
  expect((await queue.depth()).waiting).toBe(0);
});

test('retry refuses a job without its film and keeps the reason of the job', async () => {
  const { run, jobs, blobs, queue } = await store();
  const input = { kind: 'film', upload: 'film', mediaType: 'image/png', parameters: {} } as const;
  await jobs.create(job('job_film', { state: 'failed', attempts: 1, input, fault: { code: 'blank_image' } }));
  await jobs.create(job('job_old', { state: 'dead', attempts: 8, input, fault }));
  const before = await jobs.get('job_film');
  const { code, stderr } = await run('retry', 'job_film');
  expect([code, stderr]).toEqual([2, expect.stringMatching(/no longer kept. Send the film again/)]);
  expect(await jobs.get('job_film')).toEqual(before);
  expect((await run('retry', '--all')).stdout).toBe(
    '1 jobs are queued again.\nJob job_old cannot be: its film is no longer kept.\n',
  );
  expect((await queue.depth()).waiting).toBe(1);
  await blobs.put('film', new Blob(['a film']).stream(), 100);
  expect((await run('retry', 'job_film')).stdout).toBe('Job job_film is queued again.\n');
});

test('retry --all queues every dead job, and no failed job', async () => {
  const { run, jobs, queue } = await store();
  for (let i = 0; i < 3; i++) await jobs.create(job(`job_dead_${i}`, { state: 'dead', fault }));
  expect((await run('retry', '--all')).stdout).toBe('4 jobs are queued again.\n');
  expect(await jobs.list({ state: 'dead', limit: 9 })).toEqual([]);
  expect(await queue.depth()).toEqual({ waiting: 4, inFlight: 0 });
  expect((await jobs.get('job_failed'))?.state).toBe('failed');
  expect((await run('retry', '--all')).stdout).toBe('0 jobs are queued again.\n');
  expect((await run('retry')).code).toBe(2);
  expect((await run('retry', 'job_dead', '--all')).code).toBe(2);
});
