import type { Instance } from '../../../functions/core/instance.ts';
import type { Job } from '../../../functions/core/job.ts';
import { notice, type Reading } from '../../../functions/core/reading.ts';

export const reading = (id: string, score = 0.97): Reading => ({
  id,
  createdAt: '2026-01-02T03:04:05.678Z',
  plan: {
    policy: 'sabottke-spieler-2020',
    costDevice: 'cpu',
    costMs: 12.5,
    largest: { variant: 'r512-fp32', costMs: 50 },
    costVsLargest: 0.25,
    variants: [],
  },
  findings: [],
  film: { width: 2500, height: 3000, bits: 16 },
  warnings: [],
  quality: { frontalChest: true, score },
  timingsMs: { decode: 1, preprocess: 2, infer: 3, total: 6 },
  models: {},
  catalog: `sha256:${'0'.repeat(64)}`,
  notice,
});

/** Its texts occur in no other data, so that a search can find them. */
export const instance: Instance = {
  sopClassUid: '1.2.840.10008.5.1.4.1.1.1.1',
  sopInstanceUid: '2.25.40404040404040404040',
  seriesInstanceUid: '2.25.30303030303030303030',
  studyInstanceUid: '2.25.20202020202020202020',
  modality: 'DX',
  rows: 3000,
  columns: 2500,
  patient: { name: 'ALARA^TEST^Größe', id: 'PATIENT-0815', birthDate: '19010101', sex: 'O' },
  study: { date: '20260102', accessionNumber: 'ACCESSION-4711' },
};

export const job = (id: string, change: Partial<Job> = {}): Job => ({
  id,
  tenant: 'clinic',
  state: 'queued',
  createdAt: '2026-01-02T03:04:05.678Z',
  updatedAt: '2026-01-02T03:04:05.678Z',
  attempts: 0,
  progress: { done: 0, total: 1 },
  input: { kind: 'study', pacs: 'archive', studyInstanceUid: instance.studyInstanceUid },
  outcomes: [],
  ...change,
});
