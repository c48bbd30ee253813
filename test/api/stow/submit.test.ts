import { afterEach, beforeEach, expect, test } from 'vitest';
import type { StoredFilm } from '../../../functions/api/stow/receive.ts';
import { submitStudies } from '../../../functions/api/stow/submit.ts';
import { type Bench, openBench } from '../../support/job-bench.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

const to = { pacs: 'main', requestDigest: 'findings and policy' };
async function keep(blob: string): Promise<StoredFilm> {
  await bench.platform.blobs.put(blob, new Blob(['film']).stream(), 100);
  return { studyInstanceUid: '1.2', sopInstanceUid: '1.2.3', reading: 'rd_1', blob };
}
const end = (id: string) =>
  bench.platform.jobs.update(id, (job) => ({ ...job, state: 'done', attempts: 1, outcomes: [{ reading: 'rd_1' }] }));
const submit = async (blob: string, results: typeof to | undefined) => {
  const [id = ''] = await submitStudies(bench.platform, 'local', results, [await keep(blob)]);
  return { id, job: await bench.platform.jobs.get(id), isKept: (await bench.platform.blobs.get(blob)) !== undefined };
};

test('a finished job that stored results in a PACS is processed again with the new film', async () => {
  const { id } = await submit('first', to);
  await end(id);
  const again = await submit('second', to);
  expect(again).toMatchObject({ id, isKept: true });
  expect(again.job).toMatchObject({
    ...{ state: 'queued', attempts: 0, outcomes: [] },
    input: { instances: [{ blob: 'second' }] },
  });
});

test('a finished job without a PACS stays finished, and the new film is not kept', async () => {
  const { id } = await submit('first', undefined);
  await end(id);
  const again = await submit('second', undefined);
  expect(again).toMatchObject({ id, isKept: false, job: { state: 'done' } });
});

test('other findings or another policy of the PACS give another job', async () => {
  const { id } = await submit('first', to);
  await end(id);
  expect((await submit('second', { ...to, requestDigest: 'others' })).id).not.toBe(id);
});
