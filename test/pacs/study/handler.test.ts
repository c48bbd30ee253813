import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Fault } from '../../../functions/core/fault.ts';
import type { Job, Outcome } from '../../../functions/core/job.ts';
import { fail, ok, type Result } from '../../../functions/core/result.ts';
import { ms } from '../../../functions/core/units.ts';
import type { DicomWeb } from '../../../functions/pacs/dicomweb/client.ts';
import { filmsOf } from '../../../functions/pacs/study/films.ts';
import { studyHandler } from '../../../functions/pacs/study/handler.ts';
import { createBudget } from '../../../functions/platform/memory-budget.ts';
import type { FilmReading } from '../../../functions/reading/read.ts';
import { resultUids } from '../../../functions/results/identity.ts';
import type { ReadRequest } from '../../../functions/routing/request.ts';
import type { FilmOutcome } from '../../../functions/storage/pacs-state.ts';

const study = '1.2.3';
const classes = {
  dx: '1.2.840.10008.5.1.4.1.1.1.1',
  sr: '1.2.840.10008.5.1.4.1.1.88.34',
  dose: '1.2.840.10008.5.1.4.1.1.88.67',
};
const request: ReadRequest = {
  ...{ findings: ['Nodule'], minAuroc: {}, prevalence: {}, policy: 'p', bestEffort: false, explain: false },
};
const uidsOf = (sopInstanceUid: string) =>
  resultUids({ studyInstanceUid: study, sopInstanceUid }, 'catalog', 'request');

type Object_ = {
  series: string;
  sop: string;
  modality?: string;
  sopClass?: string;
  manufacturer?: string;
  view?: string;
  /** The pixels of the film. */
  pixels?: string;
};

/** A simulated study in a PACS and the dependencies of the handler, as values that a test can change. */
function bench(films: Object_[]) {
  const held = [...films];
  const calls = { pulled: [] as string[], read: [] as string[], stored: [] as string[] };
  const kept = new Map<string, FilmReading>();
  const filmOutcomes = new Map<string, readonly FilmOutcome[]>();
  /** The fault of a film by its UID; undefined for success. */
  const fate: {
    pull: Record<string, Fault>;
    read: Record<string, Fault>;
    storeResults: Record<string, Fault>;
    /** Events in the PACS during a reading. */
    during: Record<string, () => void>;
  } = { pull: {}, read: {}, storeResults: {}, during: {} };
  const value = (text: string | undefined) => ({ Value: text === undefined ? [] : [text] });
  const pixelsOf = (sop: string) => held.find((one) => one.sop === sop)?.pixels ?? '';
  /** Whether the PACS offers digests of files, as Orthanc does, and returns the same file for each request. */
  const tells = { digests: true, sameFile: true, fault: undefined as Fault | undefined };
  const orthanc = {
    fileDigest: async (_: string, sop: string) =>
      tells.fault ? fail(tells.fault) : ok(tells.digests ? `digest${pixelsOf(sop)}` : ''),
  };
  const told: Fault[] = [];
  const dicomWeb: DicomWeb = {
    async search(path, query) {
      const { SOPInstanceUID } = query;
      const [, series] = /\/series\/([^/]+)\/instances$/.exec(path) ?? [];
      if (series === undefined && SOPInstanceUID === undefined) {
        const all = new Map(held.map((one) => [one.series, one]));
        return ok(
          [...all.values()].map((one) => ({
            '0020000E': value(one.series),
            '00080060': value(one.modality ?? 'DX'),
            '00080070': value(one.manufacturer ?? 'Maker'),
          })),
        );
      }
      return ok(
        held
          .filter((one) => (series === undefined ? one.sop === SOPInstanceUID : one.series === series))
          .map((one) => ({
            '00080018': value(one.sop),
            '00080016': value(one.sopClass ?? classes.dx),
            '00185101': value(one.view),
            // An attribute of the series, which some PACS return only in the list of the study.
            ...(series === undefined && { '00180015': value('CHEST') }),
            '00081190': { vr: 'UR', Value: [`${calls.read.length}`] },
          })),
      );
    },
    async retrieve({ sopInstanceUid }) {
      calls.pulled.push(sopInstanceUid);
      const fault = fate.pull[sopInstanceUid];
      return fault
        ? fail(fault)
        : ok(
            new TextEncoder().encode(
              sopInstanceUid + pixelsOf(sopInstanceUid) + (tells.sameFile ? '' : ` ${calls.pulled.length}`),
            ),
          );
    },
    store: async () => ok([]),
  };
  const handlerOf = (version: string, maxFilmMb: number, verifyMs?: number) =>
    studyHandler({
      version,
      sources: new Map([
        [
          'main',
          {
            ...{
              dicomWeb,
              request,
              requestDigest: 'request',
              films: filmsOf(dicomWeb, ['CR', 'DX'], orthanc, (fault) => told.push(fault)),
            },
            ...(verifyMs !== undefined && { verifyMs }),
            settings: { tenant: 'local', modalities: ['CR', 'DX'], results: ['sr'], maxFilmMb },
          },
        ],
      ]),
      budget: createBudget(1e9),
      router: {
        family: { digest: 'catalog' },
        identify: async (tenant, bytes) => `rd_${tenant}_${new TextDecoder().decode(bytes)}`,
      },
      engine: {
        async render() {
          throw new Error('no picture is wanted');
        },
        async read({ id, bytes }): Promise<Result<FilmReading, Fault>> {
          const sop = new TextDecoder().decode(bytes);
          calls.read.push(sop);
          fate.during[sop]?.();
          const fault = fate.read[sop];
          return fault
            ? fail(fault)
            : ok({
                reading: { id, warnings: [] as FilmReading['reading']['warnings'] },
                instance: { sopInstanceUid: sop },
              } as FilmReading);
        },
      },
      platform: {
        readings: {
          get: async (_, id) => kept.get(id),
          put: async (_, read) => void kept.set(read.reading.id, read),
          list: async () => [...kept.values()].map(({ reading }) => reading),
          remove: async (_, id) => kept.delete(id),
        },
        filmOutcomes: {
          get: async (id) => filmOutcomes.get(id) ?? [],
          put: async (id, these) => void filmOutcomes.set(id, these),
        },
      },
      async storeResults(_pacs, _tenant, { instance }, _film, unchanged) {
        const sop = instance?.sopInstanceUid ?? '';
        const fault = fate.storeResults[sop];
        if (fault) return fail(fault);
        const confirmed = await unchanged?.();
        if (confirmed && !confirmed.ok) return confirmed;
        const { sr, srSeries } = uidsOf(sop);
        calls.stored.push(sr);
        held.push({ series: srSeries, sop: sr, modality: 'SR', sopClass: classes.sr, manufacturer: 'Alara' });
        return ok([sr]);
      },
    });
  const progress: (readonly Outcome[])[] = [];
  const software: { version: string; maxFilmMb: number; verifyMs?: number } = { version: '1', maxFilmMb: 64 };
  const handlers = new Map<string, ReturnType<typeof handlerOf>>();
  const work = (
    pacs = 'main',
    outcomes: readonly Outcome[] = [],
    signal = new AbortController().signal,
    fault?: Fault,
    tenant = 'local',
  ) => {
    const { version, maxFilmMb, verifyMs } = software;
    const handler = handlers.get(`${version} ${maxFilmMb}`) ?? handlerOf(version, maxFilmMb, verifyMs);
    handlers.set(`${version} ${maxFilmMb}`, handler);
    const input = { kind: 'study', pacs, studyInstanceUid: study } as const;
    const job: Job & { input: typeof input } = {
      ...{ id: 'job_1', tenant, state: 'running', createdAt: '', updatedAt: '', attempts: 1 },
      ...{ progress: { done: 0, total: 1 }, input, outcomes, ...(fault && { fault }) },
    };
    return handler(job, { signal, progress: async (_done, _total, outcomes) => void progress.push([...outcomes]) });
  };
  return { work, software, tells, told, filmOutcomes, calls, fate, held, kept, progress };
}

const film = (n: number, more: Partial<Object_> = {}): Object_ => ({
  series: `1.2.3.${n}`,
  sop: `1.2.3.${n}.1`,
  ...more,
});
const unavailable: Fault = { code: 'pacs_unavailable', problem: 'main is down' };
const lateral: Fault = { code: 'not_frontal_view', view: 'LL' };
const broken: Fault = { code: 'inference_failed', problem: 'the thread stopped' };

describe('the handler reads', () => {
  test('every film of the study and stores its result', async () => {
    const { work, calls } = bench([film(1), film(2, { modality: 'CR' })]);
    expect(await work()).toEqual(
      ok([
        { sopInstanceUid: '1.2.3.1.1', reading: 'rd_local_1.2.3.1.1', stored: [uidsOf('1.2.3.1.1').sr] },
        { sopInstanceUid: '1.2.3.2.1', reading: 'rd_local_1.2.3.2.1', stored: [uidsOf('1.2.3.2.1').sr] },
      ]),
    );
    expect(calls.stored).toHaveLength(2);
  });

  test('only films without a result, also beside a late film', async () => {
    const { work, calls, held } = bench([film(1)]);
    await work();
    held.push(film(2));
    await work();
    expect(calls.pulled).toEqual(['1.2.3.1.1', '1.2.3.2.1']);
    expect(calls.stored).toHaveLength(2);
  });

  test('no own objects, other modalities or other SOP classes', async () => {
    const { work, calls } = bench([
      film(1, { modality: 'CT' }),
      film(2, { manufacturer: 'Alara' }),
      film(3, { sopClass: classes.dose }),
      film(4, { sop: '../1' }),
      film(5),
    ]);
    expect(await work()).toMatchObject(ok([{ sopInstanceUid: '1.2.3.5.1' }]));
    expect(calls.pulled).toEqual(['1.2.3.5.1']);
  });

  test('nothing of a deleted study, and the job is done', async () => {
    expect(await bench([]).work()).toEqual(ok([]));
  });

  test('nothing for an unknown PACS, and the job ends', async () => {
    expect(await bench([film(1)]).work('other')).toEqual(
      fail({ code: 'unknown_pacs', pacs: 'other', known: ['main'] }),
    );
  });

  test('nothing from a PACS that now belongs to another tenant, and the job ends before a download', async () => {
    const { work, calls } = bench([film(1)]);
    expect(await work('main', [], undefined, undefined, 'other')).toEqual(
      fail({ code: 'unknown_pacs', pacs: 'main', known: [] }),
    );
    expect(calls.pulled).toEqual([]);
  });
});

describe('faults', () => {
  test('a lateral film is an outcome, and the others are read', async () => {
    const { work, fate } = bench([film(1), film(2)]);
    fate.read['1.2.3.1.1'] = lateral;
    expect(await work()).toMatchObject(ok([{ refused: lateral }, { stored: [uidsOf('1.2.3.2.1').sr] }]));
  });

  test('a refused film is not downloaded again by the next attempt of the same job', async () => {
    const { work, fate, calls, progress } = bench([film(1), film(2)]);
    fate.read['1.2.3.1.1'] = lateral;
    fate.storeResults['1.2.3.2.1'] = unavailable;
    expect(await work()).toEqual(fail(unavailable));
    fate.storeResults = {};
    expect(await work('main', progress.at(-1))).toMatchObject({ ok: true });
    expect(calls.pulled).toEqual(['1.2.3.1.1', '1.2.3.2.1', '1.2.3.2.1']);
  });

  test('nor by a later job after another film; the record of the refusal has no UID outside of its sealed part', async () => {
    const { work, fate, calls, held, filmOutcomes } = bench([film(1)]);
    fate.read['1.2.3.1.1'] = lateral;
    expect(await work()).toEqual(ok([{ sopInstanceUid: '1.2.3.1.1', refused: lateral }]));
    held.push(film(2));
    expect(await work()).toMatchObject(ok([{ refused: lateral }, { reading: 'rd_local_1.2.3.2.1' }]));
    expect(calls.pulled).toEqual(['1.2.3.1.1', '1.2.3.2.1']);
    expect([...filmOutcomes.keys()].join()).not.toContain(study);
  });

  test.each<[string, (bent: ReturnType<typeof bench>) => void]>([
    ['its header was corrected', ({ held }) => held.splice(0, 1, film(1, { view: 'PA' }))],
    ['the software version changed', ({ software }) => Object.assign(software, { version: '2' })],
    ['the limit of the film size is greater', ({ software }) => Object.assign(software, { maxFilmMb: 128 })],
  ])('a refused film is checked again when %s', async (_, change) => {
    const bent = bench([film(1, { view: 'LL' })]);
    bent.fate.read['1.2.3.1.1'] = lateral;
    await bent.work();
    bent.fate.read = {};
    change(bent);
    expect(await bent.work()).toMatchObject(ok([{ stored: [uidsOf('1.2.3.1.1').sr] }]));
    expect(bent.calls.pulled).toHaveLength(2);
  });

  test('a temporarily unreadable film does not block the others, and the job is retried', async () => {
    const { work, fate, calls } = bench([film(1), film(2), film(3)]);
    fate.read['1.2.3.1.1'] = broken;
    expect(await work()).toEqual(fail(broken));
    expect(calls.stored).toEqual([uidsOf('1.2.3.2.1').sr, uidsOf('1.2.3.3.1').sr]);
    fate.read = {};
    expect(await work()).toMatchObject({ ok: true });
    expect(calls.stored).toHaveLength(3);
    expect(calls.pulled.filter((sop) => sop === '1.2.3.2.1')).toHaveLength(1);
  });

  test.each([unavailable, { code: 'queue_full', retryAfterMs: 100 } as Fault])(
    'a fault that would hit the next film as well ends the attempt: %o',
    async (fault) => {
      const { work, fate, calls } = bench([film(1), film(2)]);
      fate.read['1.2.3.1.1'] = fault;
      expect(await work()).toEqual(fail(fault));
      expect(calls.pulled).toHaveLength(1);
    },
  );

  test('a film that exceeds the deadline twice is an outcome of this job, and the others are read', async () => {
    const { work, fate, calls, filmOutcomes } = bench([film(1), film(2)]);
    const slow: Fault = { code: 'deadline_exceeded', deadlineMs: ms(100) };
    fate.read['1.2.3.1.1'] = slow;
    expect(await work()).toEqual(fail(slow));
    expect(await work('main', [], undefined, slow)).toMatchObject(
      ok([{ refused: slow }, { stored: [expect.any(String)] }]),
    );
    expect(calls.stored).toHaveLength(1);
    expect([...filmOutcomes.values()].flat().filter(({ refused }) => refused)).toEqual([]);
  });

  test('a stored reading of an earlier attempt is not made again', async () => {
    const { work, fate, calls } = bench([film(1)]);
    fate.storeResults['1.2.3.1.1'] = unavailable;
    await work();
    fate.storeResults = {};
    await work();
    expect(calls.read).toHaveLength(1);
    expect(calls.stored).toHaveLength(1);
  });

  test('a film that the PACS refuses is tried again with the job, after the others', async () => {
    const { work, fate, calls } = bench([film(1), film(2)]);
    const gone: Fault = { code: 'pacs_refused', problem: 'main answered 404' };
    fate.pull['1.2.3.1.1'] = gone;
    expect(await work()).toEqual(fail(gone));
    expect(calls.stored).toHaveLength(1);
  });

  test('a film that is too large is an outcome, and the others are read', async () => {
    const { work, fate } = bench([film(1), film(2)]);
    const large: Fault = { code: 'body_too_large', limitBytes: 64_000_000 };
    fate.pull['1.2.3.1.1'] = large;
    expect(await work()).toMatchObject(ok([{ refused: large }, { stored: [uidsOf('1.2.3.2.1').sr] }]));
  });

  test('a stopped runner does not start another film', async () => {
    const { work, calls, fate } = bench([film(1), film(2)]);
    const stop = new AbortController();
    stop.abort();
    fate.read['1.2.3.1.1'] = { code: 'client_gone' };
    expect(await work('main', [], stop.signal)).toMatchObject({ ok: false });
    expect(calls.pulled).toHaveLength(1);
  });
});

describe('a film that changes in the PACS', () => {
  const first = '1.2.3.1.1';
  const replaced = film(1, { pixels: ' replaced' });

  test('and is deleted during its reading gets no result; the others get theirs', async () => {
    const { work, fate, calls, held } = bench([film(1), film(2)]);
    fate.during[first] = () => void held.splice(0, 1);
    expect(await work()).toMatchObject(
      ok([{ sopInstanceUid: first, refused: { code: 'film_gone' } }, { stored: [uidsOf('1.2.3.2.1').sr] }]),
    );
    expect(calls.stored).toEqual([uidsOf('1.2.3.2.1').sr]);
    expect(await work()).toMatchObject(ok([{ stored: [uidsOf('1.2.3.2.1').sr] }]));
    held.push(film(1));
    fate.during = {};
    expect(await work()).toMatchObject({ ok: true });
    expect(calls.stored).toHaveLength(2);
  });

  test.each<[string, Partial<Object_>]>([
    ['its pixels', { pixels: ' replaced' }],
    ['its header', { view: 'AP' }],
  ])(
    'and had %s replaced during its reading gets no result of the earlier version, and is read again',
    async (_, more) => {
      const { work, fate, calls, held } = bench([film(1), film(2)]);
      fate.during[first] = () => void held.splice(0, 1, film(1, more));
      expect(await work()).toEqual(fail({ code: 'film_replaced' }));
      expect(calls.stored).toEqual([uidsOf('1.2.3.2.1').sr]);
      fate.during = {};
      expect(await work()).toMatchObject({ ok: true });
      expect(calls.stored).toEqual([uidsOf('1.2.3.2.1').sr, uidsOf(first + (more.pixels ?? '')).sr]);
    },
  );

  test('and has its pixels replaced under the same UID is read again, once', async () => {
    const { work, calls, held } = bench([film(1), film(2)]);
    await work();
    held.splice(0, 1, replaced);
    await work();
    await work();
    expect(calls.read).toEqual([first, '1.2.3.2.1', `${first} replaced`]);
    expect(new Set(calls.stored).size).toBe(3);
  });

  test('and was refused is read again after its replacement', async () => {
    const { work, calls, held, fate } = bench([film(1)]);
    fate.read[first] = lateral;
    await work();
    held.splice(0, 1, replaced);
    expect(await work()).toMatchObject(ok([{ stored: [uidsOf(`${first} replaced`).sr] }]));
    expect(calls.pulled).toHaveLength(2);
  });

  test('is detected without digests when films are compared again, and is not downloaded before', async () => {
    const { work, calls, held, tells, software } = bench([film(1)]);
    tells.digests = false;
    software.verifyMs = 60_000;
    const clock = vi.spyOn(Date, 'now').mockReturnValue(600_000);
    onTestFinished(() => clock.mockRestore());
    await work();
    held.splice(0, 1, replaced);
    clock.mockReturnValue(659_000);
    await work();
    expect(calls.read).toHaveLength(1);
    clock.mockReturnValue(660_000);
    await work();
    await work();
    expect(calls.read).toEqual([first, `${first} replaced`]);
    expect(new Set(calls.stored).size).toBe(2);
  });

  test('and is replaced during its reading gets no result of the earlier version, also without digests', async () => {
    const { work, calls, held, tells, software, fate } = bench([film(1)]);
    tells.digests = false;
    software.verifyMs = 3_600_000;
    fate.during[first] = () => void held.splice(0, 1, replaced);
    expect(await work()).toEqual(fail({ code: 'film_replaced' }));
    expect(await work()).toMatchObject(ok([{ stored: [uidsOf(`${first} replaced`).sr] }]));
    expect(calls.stored).toHaveLength(1);
  });

  test('is not reported as replaced if every answer of the PACS differs', async () => {
    const { work, tells, software } = bench([film(1)]);
    Object.assign(tells, { digests: false, sameFile: false });
    software.verifyMs = 3_600_000;
    expect(await work()).toMatchObject({ ok: true, value: [{ stored: [expect.any(String)] }] });
  });

  describe('in an Orthanc whose user has no right to digests', () => {
    const forbidden: Fault = { code: 'pacs_refused', problem: 'main answered 403', setup: true };

    test('is read, and a warning is logged', async () => {
      const { work, tells, told } = bench([film(1)]);
      tells.fault = forbidden;
      expect(await work()).toMatchObject(ok([{ stored: [uidsOf(first).sr] }]));
      expect(told).toContainEqual(forbidden);
    });

    test.each<['before' | 'while', number]>([
      ['while', 1],
      ['before', 2],
    ])('and is replaced %s its reading gets its results nevertheless: %i', async (when, results) => {
      const { work, tells, held, fate, calls } = bench([film(1)]);
      tells.fault = forbidden;
      const replace = () => void held.splice(0, 1, replaced);
      if (when === 'while') fate.during[first] = replace;
      await work();
      fate.during = {};
      if (when === 'before') replace();
      expect(await work()).toMatchObject(ok([{ stored: [uidsOf(`${first} replaced`).sr] }]));
      expect(new Set(calls.stored).size).toBe(results);
    });

    test('is not read while Orthanc does not answer', async () => {
      const { work, tells } = bench([film(1)]);
      tells.fault = unavailable;
      expect(await work()).toEqual(fail(unavailable));
    });
  });

  test('and has lost its result gets the result again without another inference', async () => {
    const { work, calls, held } = bench([film(1)]);
    await work();
    held.splice(1, 1);
    await work();
    expect([calls.read.length, calls.stored.length]).toEqual([1, 2]);
  });
});

test('two jobs of one study run in turn, so that no film is read twice', async () => {
  const { work, calls } = bench([film(1), film(2)]);
  await Promise.all([work(), work(), work()]);
  expect(calls.read).toHaveLength(2);
  expect(calls.stored).toHaveLength(2);
});
