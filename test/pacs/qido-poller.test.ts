import { describe, expect, test } from 'vitest';
import { fail, ok } from '../../functions/core/result.ts';
import { createQidoPoller, dateRange } from '../../functions/pacs/qido-poller.ts';
import type { StudyVersion } from '../../functions/pacs/study/submit.ts';
import { createLog } from '../../functions/platform/log.ts';

import { job } from '../support/storage-contract/samples.ts';

type Study = { uid: string; modalities: string[]; date: string; instances: number; uids?: string[] };

function poll(studies: Study[], more: { days?: number } = {}) {
  const submitted: StudyVersion[] = [];
  const asked: Readonly<Record<string, string>>[] = [];
  const state = { now: new Date('2026-11-23T12:10:00Z'), down: false, looked: 0, refuses: '' };
  const look = createQidoPoller({
    pacs: 'main',
    settings: {
      tenant: 'local',
      modalities: ['CR', 'DX'],
      readStudiesOfLastDays: more.days,
      poll: { everySeconds: 30, withinHours: 24, verifyMinutes: 360, timeZone: 'UTC' },
    },
    dicomWeb: {
      async search(path, query) {
        if (state.down) return fail({ code: 'pacs_unavailable', problem: 'main is down' });
        const [, one] = /^\/studies\/([^/]+)\/instances$/.exec(path) ?? [];
        if (one !== undefined) {
          state.looked++;
          if (state.refuses === one) return fail({ code: 'pacs_refused', problem: 'main answered 404' });
          const { uids = [], instances = 0 } = studies.find(({ uid }) => uid === one) ?? {};
          const all = Array.from({ length: instances }, (_, i) => uids[i] ?? `${one}.${i}`);
          return ok(all.map((sop) => ({ '00080018': { Value: [sop] } })));
        }
        asked.push({ path, ...query });
        const [from = '', to = ''] = (query['StudyDate'] ?? '').split('-');
        return ok(
          studies
            .filter(
              ({ modalities, date }) =>
                modalities.includes(query['ModalitiesInStudy'] ?? '') && date >= from && date <= to,
            )
            .map(({ uid, date, instances }) => ({
              '0020000D': { Value: [uid] },
              '00080020': { Value: [date] },
              '00201208': { Value: [instances] },
            })),
        );
      },
    },
    async submit(study) {
      submitted.push(study);
      return job(study.version);
    },
    log: createLog('silent'),
    now: () => state.now,
  });
  return { look, submitted, asked, state };
}

test('requests each modality in the window', async () => {
  const { look, asked } = poll([]);
  expect(await look()).toEqual({ ok: true, value: 30_000 });
  expect(asked).toEqual([
    { path: '/studies', ModalitiesInStudy: 'CR', StudyDate: '20261122-20261124', includefield: '00201208' },
    { path: '/studies', ModalitiesInStudy: 'DX', StudyDate: '20261122-20261124', includefield: '00201208' },
  ]);
});

test('a study is one job, however often and under however many modalities it is found', async () => {
  const { look, submitted } = poll([{ uid: '1.1', modalities: ['CR', 'DX'], date: '20261123', instances: 2 }]);
  await look();
  await look();
  expect(submitted.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['1.1']);
});

test('a study that grew is another job', async () => {
  const study = { uid: '1.1', modalities: ['DX'], date: '20261123', instances: 1 };
  const { look, submitted } = poll([study]);
  await look();
  study.instances = 2;
  await look();
  expect(new Set(submitted.map(({ version }) => version)).size).toBe(2);
});

test('a film that replaced another, with the same number of instances, is found within the hour', async () => {
  const study: Study = { uid: '1.1', modalities: ['DX'], date: '20261123', instances: 2 };
  const { look, submitted, state } = poll([study]);
  await look();
  study.uids = ['1.1.replaced'];
  state.now = new Date('2026-11-23T13:00:00Z');
  await look();
  expect(new Set(submitted.map(({ version }) => version)).size).toBe(2);
});

test('an unchanged study is one job per day, and its instances are compared once per hour', async () => {
  const { look, submitted, state } = poll([{ uid: '1.1', modalities: ['DX'], date: '20261123', instances: 2 }]);
  for (let minute = 0; minute < 12 * 60 - 10; minute += 10) {
    await look();
    state.now = new Date(state.now.getTime() + 600_000);
  }
  expect([submitted.length, state.looked]).toEqual([1, 12]);
  state.now = new Date('2026-11-24T00:10:00Z');
  await look();
  expect(new Set(submitted.map(({ version }) => version)).size).toBe(2);
});

test('a report that was stored and lost within the hour causes another job', async () => {
  const study: Study = { uid: '1.1', modalities: ['DX'], date: '20261123', instances: 1 };
  const { look, submitted } = poll([study]);
  for (const instances of [1, 2, 1, 2, 1]) {
    study.instances = instances;
    await look();
  }
  expect(new Set(submitted.map(({ version }) => version)).size).toBe(5);
});

test('a study with refused instances blocks no other study, and is tried every hour', async () => {
  const studies = ['1.1', '1.2'].map((uid) => ({ uid, modalities: ['DX'], date: '20261123', instances: 1 }));
  const { look, submitted, state } = poll(studies);
  state.refuses = '1.1';
  await look();
  await look();
  expect(submitted.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['1.1', '1.2']);
  state.now = new Date('2026-11-23T13:00:00Z');
  await look();
  expect(submitted).toHaveLength(3);
});

test('another process, or the next one, creates the same jobs', async () => {
  const studies = [{ uid: '1.1', modalities: ['DX'], date: '20261123', instances: 1 }];
  const [one, two] = [poll(studies), poll(studies)];
  await one.look();
  await two.look();
  expect(one.submitted).toEqual(two.submitted);
});

test('no study is lost while the PACS does not answer', async () => {
  const studies: Study[] = [];
  const { look, submitted, state } = poll(studies);
  state.down = true;
  studies.push({ uid: '1.1', modalities: ['DX'], date: '20261123', instances: 1 });
  expect(await look()).toMatchObject({ ok: false });
  state.down = false;
  await look();
  expect(submitted).toHaveLength(1);
});

test('an invalid UID never becomes part of an address', async () => {
  const { look, submitted } = poll([{ uid: '1.1/../../patients', modalities: ['DX'], date: '20261123', instances: 1 }]);
  await look();
  expect(submitted).toEqual([]);
});

describe('the window', () => {
  const at = (iso: string, withinHours: number, timeZone?: string) =>
    dateRange(new Date(iso), { withinHours, timeZone });

  test('covers the days of the last hours and one more day', () => {
    expect(at('2026-11-23T12:00:00Z', 1, 'UTC')).toBe('20261123-20261124');
    expect(at('2026-11-23T00:30:00Z', 1, 'UTC')).toBe('20261122-20261124');
    expect(at('2026-03-01T12:00:00Z', 72, 'UTC')).toBe('20260226-20260302');
  });

  test("uses the days of the archive's time zone", () => {
    expect(at('2026-11-23T23:30:00Z', 1, 'Asia/Tokyo')).toBe('20261124-20261125');
    expect(at('2026-11-23T02:30:00Z', 1, 'America/New_York')).toBe('20261122-20261123');
  });

  test('contains a study from just before midnight just after midnight', () => {
    const late = '20261123';
    const [from = ''] = at('2026-11-24T00:05:00Z', 1, 'UTC').split('-');
    expect(late >= from).toBe(true);
  });
});
