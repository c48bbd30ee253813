import dicomParser from 'dicom-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FindingResult, Reading } from '../../functions/core/reading.ts';
import { fail, ok } from '../../functions/core/result.ts';
import { px } from '../../functions/core/units.ts';
import { createStoreResults, type ResultTarget } from '../../functions/pacs/store-results.ts';
import { type DicomReading, type ResultUids, resultIdentity } from '../../functions/results/identity.ts';
import { requestDigest, requestDigestOf, type ServedFinding } from '../../functions/results/request-digest.ts';
import { openReader, type Reader } from '../support/pacs/reader.ts';

let reader: Reader;
let read: DicomReading;
let uids: ResultUids;

beforeAll(async () => {
  reader = await openReader();
  read = await reader.read('00000442_000.png', { findings: 'Cardiomegaly' });
  const digest = requestDigest(read.reading.plan.policy, read.reading.findings);
  uids = resultIdentity(read, digest).uids;
});
afterAll(() => reader.close());

const film = { width: px(64), height: px(64), pixels: new Uint8Array(64 * 64).fill(90) };
const header = (bytes: Uint8Array) => {
  const dataSet = dicomParser.parseDicom(bytes);
  return { sop: dataSet.string('x00080018') ?? '', study: dataSet.string('x0020000d') };
};

/** A PACS with STOW-RS and QIDO-RS. `keeps` and `says` change which objects it stores and which it confirms. */
function archive(
  bend: {
    results?: ResultTarget['results'];
    keeps?: (sop: string) => boolean;
    says?: (sop: string) => boolean;
    lateBy?: number;
  } = {},
) {
  const { keeps = () => true, says = () => true, lateBy = 0, results = ['sr'] } = bend;
  const held = new Set<string>();
  const calls = { stored: [] as string[][], searches: 0, films: 0 };
  const dicomWeb: ResultTarget['dicomWeb'] = {
    async search(path, query) {
      calls.searches++;
      expect(path).toBe(`/studies/${read.instance.studyInstanceUid}/instances`);
      const sop = query['SOPInstanceUID'] ?? '';
      const isListed = held.has(sop) && calls.searches > lateBy;
      return ok(isListed ? [{ '00080018': { Value: [sop] } }] : []);
    },
    async store(files) {
      const sops = files.map((bytes) => header(bytes).sop);
      calls.stored.push(sops);
      for (const sop of sops.filter(keeps)) held.add(sop);
      return ok(sops.filter(says));
    },
  };
  const target = { dicomWeb, tenant: 'clinic', results };
  const storeResults = createStoreResults(new Map([['main', target]]), reader.maker);
  return {
    held,
    calls,
    target,
    storeResults: () => {
      return storeResults('main', 'clinic', read, async () => {
        calls.films++;
        return ok(film);
      });
    },
  };
}

describe('the stored objects are', () => {
  test('a report, under the UID that was known before the reading', async () => {
    const { storeResults, held, calls } = archive();
    expect(await storeResults()).toEqual(ok([uids.sr]));
    expect([...held]).toEqual([uids.sr]);
    expect(calls.films, 'the film is not asked for').toBe(0);
  });

  test('an image as well, if it is configured', async () => {
    const { storeResults, calls } = archive({ results: ['sr', 'sc'] });
    expect(await storeResults()).toEqual(ok([uids.sr, uids.sc]));
    expect(calls.stored).toEqual([[uids.sr, uids.sc]]);
  });

  test('none the second time, and only the missing ones after a loss', async () => {
    const { storeResults, calls, held, target } = archive();
    await storeResults();
    await storeResults();
    expect(calls.stored).toHaveLength(1);
    target.results = ['sr', 'sc'];
    await storeResults();
    held.delete(uids.sr);
    await storeResults();
    expect(calls.stored).toEqual([[uids.sr], [uids.sc], [uids.sr]]);
  });
});

describe('the outcome', () => {
  test('counts the objects that a search lists, even if the answer did not confirm them', async () => {
    expect(await archive({ says: () => false }).storeResults()).toEqual(ok([uids.sr]));
  });

  test('waits for a server that lists objects with a delay', async () => {
    expect(await archive({ lateBy: 3 }).storeResults()).toEqual(ok([uids.sr]));
  });

  test('names one missing object of two, without a UID', async () => {
    const { storeResults } = archive({
      keeps: (sop) => sop === uids.sr,
      says: (sop) => sop === uids.sr,
      results: ['sr', 'sc'],
    });
    const stored = await storeResults();
    expect(stored).toEqual(fail({ code: 'pacs_refused', problem: 'main stored 1 of 2 results (STOW-RS)' }));
    expect(JSON.stringify(stored)).not.toMatch(/2\.25\.|ALARA\^/);
  });

  test('detects a server that confirms objects and stores none', async () => {
    expect(await archive({ keeps: () => false }).storeResults()).toEqual(
      fail({
        code: 'pacs_refused',
        problem: 'main confirmed the results (STOW-RS) but does not list them (QIDO-RS)',
      }),
    );
  });
});

test('a reading that is not of a DICOM instance, and an unknown PACS, end the job', async () => {
  const storeResults = createStoreResults(new Map(), reader.maker);
  expect(await storeResults('other', 'clinic', read, async () => ok(film))).toEqual(
    fail({ code: 'unknown_pacs', pacs: 'other', known: [] }),
  );
  const dicomWeb = { search: async () => ok([]), store: async () => ok([]) };
  const target: ResultTarget = { dicomWeb, tenant: 'clinic', results: ['sr'] };
  const one = createStoreResults(new Map([['main', target]]), reader.maker);
  expect(await one('main', 'clinic', { ...read, instance: null }, async () => ok(film))).toMatchObject(
    fail({ code: 'not_from_dicom' }),
  );
});

test('a film that comes in two ways gets one result; another policy, model, target or prevalence gives another result', () => {
  const served = [
    { finding: 'Nodule', variant: 'r448', why: 'measured', prevalence: 0.05 },
    { finding: 'Hernia', variant: 'r256', why: 'measured', prevalence: 0.01 },
  ];
  const [nodule, ...others] = served as [ServedFinding, ...ServedFinding[]];
  expect(requestDigest('p', served)).toBe(requestDigest('p', [...served].reverse()));
  expect(requestDigest('q', served)).not.toBe(requestDigest('p', served));
  for (const other of [{ prevalence: 0.1 }, { why: 'another target' }, { variant: 'r512' }])
    expect(requestDigest('p', [{ ...nodule, ...other }, ...others])).not.toBe(requestDigest('p', served));
  expect(requestDigest('p', served.slice(1))).not.toBe(requestDigest('p', served));
});

test('a reading of a version without digests of films keeps the UIDs of its results', async () => {
  const { digest: _, ...rest } = read.reading.film;
  const findings = [
    { finding: 'Nodule', variant: 'r448' },
    { finding: 'Hernia', variant: 'r256' },
  ].map((served) => ({
    ...(read.reading.findings[0] as FindingResult),
    ...served,
  }));
  const old: Reading = { ...read.reading, film: rest, findings, plan: { ...read.reading.plan, policy: 'p' } };
  expect(requestDigestOf(old)).toBe('4c6ad2593579b793ef7dccb0bf157404cf21d2e868e8bf488e653c8af65e84c7');
  expect(requestDigestOf({ ...old, film: read.reading.film })).not.toBe(requestDigestOf(old));
});

test('the PACS of another tenant is not written to, not queried, and not named', async () => {
  const never = async () => {
    throw new Error('another tenant has it asked');
  };
  const of = (tenant: string): ResultTarget => ({ dicomWeb: { search: never, store: never }, tenant, results: ['sr'] });
  const storeResults = createStoreResults(
    new Map(Object.entries({ main: of('clinic'), own: of('other') })),
    reader.maker,
  );
  expect(await storeResults('main', 'other', read, async () => ok(film))).toEqual(
    fail({ code: 'unknown_pacs', pacs: 'main', known: ['own'] }),
  );
});
