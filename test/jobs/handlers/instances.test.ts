import { expect, test } from 'vitest';
import type { Fault } from '../../../functions/core/fault.ts';
import { fail, ok } from '../../../functions/core/result.ts';
import { ms } from '../../../functions/core/units.ts';
import { openRouter } from '../../../functions/inference/router.ts';
import { instancesHandler } from '../../../functions/jobs/handlers/instances.ts';
import { readConfig } from '../../../functions/platform/config.ts';
import { createBudget } from '../../../functions/platform/memory-budget.ts';
import type { FilmReading } from '../../../functions/reading/read.ts';
import type { Platform } from '../../../functions/storage/platform.ts';
import { job } from '../../support/storage-contract/samples.ts';

test('a film that exceeds the deadline twice is an outcome, and its study still finishes', async () => {
  const slow: Fault = { code: 'deadline_exceeded', deadlineMs: ms(100) };
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const platform = {
    blobs: { get: async (id: string) => new TextEncoder().encode(id), size: async (id: string) => id.length },
    readings: { get: async () => undefined, put: async () => undefined },
  } as unknown as Platform;
  const { vocabulary } = openRouter(readConfig({}));
  const handler = instancesHandler(
    {
      platform,
      budget: createBudget(1e9),
      router: { vocabulary, identify: async (_, bytes) => `rd_${text(bytes)}` },
      engine: {
        read: async ({ id, bytes }) =>
          text(bytes) === 'slow'
            ? fail(slow)
            : ok({ reading: { id, warnings: [] as FilmReading['reading']['warnings'] } } as FilmReading),
        render: async () => fail({ code: 'internal' }),
      },
    },
    { requestOf: () => undefined, storeResults: async () => ok([]) },
  );
  const input = {
    ...{ kind: 'instances' as const, studyInstanceUid: '1.2' },
    instances: ['slow', 'fast'].map((blob, i) => ({ sopInstanceUid: `1.2.${i}`, blob })),
  };
  const work = { signal: new AbortController().signal, progress: async () => undefined };
  expect(await handler({ ...job('a'), input }, work)).toEqual(fail(slow));
  expect(await handler({ ...job('a', { fault: slow }), input }, work)).toEqual(
    ok([
      { sopInstanceUid: '1.2.0', refused: slow },
      { sopInstanceUid: '1.2.1', reading: 'rd_fast' },
    ]),
  );
});
