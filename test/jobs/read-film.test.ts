import { expect, test } from 'vitest';
import { earlierRequest } from '../../functions/jobs/read-film.ts';
import type { FilmReading } from '../../functions/reading/read.ts';
import type { ReadRequest } from '../../functions/routing/request.ts';

const plain: ReadRequest = {
  ...{ findings: ['Nodule'], minAuroc: {}, prevalence: {}, policy: 'p', bestEffort: false, explain: false },
};
const explained = { ...plain, explain: true };
const old = { width: 1, height: 1, bits: 8 as const };

test.each<[string, ReadRequest, FilmReading['reading']['film'] | undefined, ReadRequest]>([
  ['a reading of an earlier version is used again', explained, old, plain],
  [
    'a reading of this version without heat maps is not used again',
    explained,
    { ...old, digest: 'sha256:1' },
    explained,
  ],
  ['a film without a reading is read as requested', explained, undefined, explained],
  ['a film without a request for heat maps is read again', plain, old, plain],
])('%s', async (_, request, film, expected) => {
  const reader = {
    router: { identify: async (_tenant: string, _bytes: Uint8Array, { explain }: ReadRequest) => `rd_${explain}` },
    platform: {
      readings: {
        get: async (_tenant: string, id: string) =>
          film && id === 'rd_false' ? ({ reading: { id, film } } as FilmReading) : undefined,
        put: async () => undefined,
        list: async () => [],
        remove: async () => false,
      },
    },
  };
  expect(await earlierRequest(reader, 'local', new Uint8Array(), request)).toEqual(expected);
});
