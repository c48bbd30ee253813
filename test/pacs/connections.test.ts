import { describe, expect, test, vi } from 'vitest';
import { advice } from '../../functions/core/fault-status.ts';
import type { Job } from '../../functions/core/job.ts';
import { fail } from '../../functions/core/result.ts';
import { openRouter } from '../../functions/inference/router.ts';
import { type PacsConfig, PacsEntry } from '../../functions/pacs/config.ts';
import { openPacs } from '../../functions/pacs/connections.ts';
import { ConfigError, readConfig } from '../../functions/platform/config.ts';
import { createLog } from '../../functions/platform/log.ts';
import { createBudget } from '../../functions/platform/memory-budget.ts';
import type { Platform } from '../../functions/storage/platform.ts';

const never = async () => {
  throw new Error('nothing is asked of it');
};
const deps = {
  router: openRouter(readConfig({})),
  engine: { read: never, render: never },
  platform: { readings: { get: never, put: never } } as unknown as Platform,
  budget: createBudget(1e9),
  log: createLog('silent'),
  version: '0.0.0',
};
const entry = (more: object = {}) => PacsEntry.parse({ dicomWeb: 'http://127.0.0.1:1/dicom-web', ...more });
const open = (config: PacsConfig | null) => openPacs(config, deps);
const job = (pacs: string): Job & { input: { kind: 'study'; pacs: string; studyInstanceUid: string } } => ({
  ...{ id: 'job_1', tenant: 'local', state: 'running', createdAt: '', updatedAt: '', attempts: 1 },
  ...{ progress: { done: 0, total: 1 }, outcomes: [], input: { kind: 'study', pacs, studyInstanceUid: '1.2' } },
});
const work = { signal: new AbortController().signal, progress: async () => undefined };

test('without a PACS the list is empty, a job for a PACS ends, and start and close do nothing', async () => {
  const pacs = open(null);
  expect(pacs.namesOf('local')).toEqual([]);
  expect(pacs.stowOf('local')).toBeUndefined();
  expect(await pacs.handler(job('main'), work)).toEqual(fail({ code: 'unknown_pacs', pacs: 'main', known: [] }));
  pacs.start();
  pacs.pollNow('main');
  await pacs.close();
});

test('a tenant gets the names of all its PACS, and the PACS for its results of STOW-RS', () => {
  const takes = { sendResultsOfStow: true };
  const [north, south] = [{ tenant: 'north' }, { tenant: 'south' }];
  const pacs = open({ one: entry(north), two: entry({ ...north, ...takes }), three: entry({ ...south, ...takes }) });
  const told = (tenant: string) => [pacs.namesOf(tenant), pacs.stowOf(tenant)?.pacs];
  expect(told('north')).toEqual([['one', 'two'], 'two']);
  expect(told('south')).toEqual([['three'], 'three']);
  expect(told('local')).toEqual([[], undefined]);
  expect(pacs.stowOf('north')?.requestDigest).toMatch(/^[0-9a-f]{64}$/);
});

test('a PACS that does not answer causes an outage of its jobs', async () => {
  const { handler } = open({ main: entry() });
  expect(await handler(job('main'), work)).toMatchObject({ ok: false, fault: { code: 'pacs_unavailable' } });
});

test('readiness reports the number and the state of the polled PACS', async () => {
  const store = { cursors: { get: async () => undefined, move: async () => true }, jobs: { get: never } };
  const pacs = openPacs(
    { main: entry({ orthanc: 'http://127.0.0.1:1' }), other: entry({ poll: {} }), silent: entry() },
    { ...deps, platform: store as unknown as Platform },
  );
  expect(pacs.pollStates()).toBeUndefined();
  pacs.start();
  expect(pacs.pollStates()).toEqual({ starting: 2, watched: 0, unavailable: 0, paused: 0 });
  await vi.waitFor(() => expect(pacs.pollStates()).toMatchObject({ starting: 0, unavailable: 2 }));
  await pacs.close();
});

describe('a setting that no model supports is reported at the start', () => {
  test.each([
    ['an unknown finding', { findings: 'Nodul' }, 'unknown_finding'],
    ['an unknown policy', { policy: 'mine' }, 'unknown_policy'],
    ['an unknown operating point', { operatingPoint: 'youden' }, 'invalid_parameter'],
    ['a target out of reach', { minAuroc: '0.999' }, 'unreachable_target'],
  ] as const)('%s', (_, more, code) => {
    const opening = () => open({ main: entry(more) });
    expect(opening).toThrow(ConfigError);
    expect(opening).toThrow(`pacs.main: ${advice[code].title}`);
  });
});
