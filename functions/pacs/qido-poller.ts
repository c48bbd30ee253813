import { createHash } from 'node:crypto';
import { tags } from '../core/dicom-dictionary.ts';
import type { Fault } from '../core/fault.ts';
import { ok, type Result } from '../core/result.ts';
import { isUidText } from '../core/uid.ts';
import type { Logger } from '../platform/log.ts';
import type { PacsSettings, Poll } from './config.ts';
import type { DicomWeb } from './dicomweb/client.ts';
import { attributesDigest, text } from './dicomweb/json.ts';
import type { PollOnce } from './poll-loop.ts';
import { instanceFields } from './study/films.ts';
import { isRecent, type SubmitStudy } from './study/submit.ts';

export type PollerDeps = {
  readonly pacs: string;
  readonly settings: Pick<PacsSettings, 'tenant' | 'modalities' | 'readStudiesOfLastDays'> & { readonly poll: Poll };
  readonly dicomWeb: Pick<DicomWeb, 'search'>;
  /** Interval at which a study is submitted although the PACS lists no change. */
  readonly verifyMs?: number | undefined;
  readonly submit: SubmitStudy;
  readonly log: Logger;
  now(): Date;
};

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** The state of a study at its last search. */
type StudyState = {
  /** The number of instances according to the PACS. */
  readonly count: string;
  /** The hour of the last search for the instances. */
  readonly hour: number;
  /** A digest of the instances. */
  readonly instances: string;
  /** The `verifyMs` interval of the last submission. */
  readonly interval: number;
  /** The number of times that the digest of the instances changed. */
  readonly changes: number;
};

/**
 * Polls by QIDO-RS for the studies of the last hours, for a PACS without notifications. The time ranges of the searches
 * overlap, so no cursor is needed. Each change of the instances of a study makes one job, and each `verifyMs` interval makes
 * one job without a change. The instances are searched for when their number changes, and once per hour, because a replaced
 * film does not change the number.
 */
export function createQidoPoller({
  pacs,
  settings,
  dicomWeb,
  verifyMs = dayMs,
  submit,
  log,
  now,
}: PollerDeps): PollOnce {
  const { tenant, modalities, readStudiesOfLastDays, poll } = settings;
  /** The studies of the last search. An unchanged study is not submitted again. */
  const known = new Map<string, StudyState>();

  return async (): Promise<Result<number, Fault>> => {
    const at = now();
    const [hour, interval] = [hourMs, verifyMs].map((ms) => Math.floor(at.getTime() / ms)) as [number, number];
    const counts = new Map<string, string>();
    for (const modality of modalities) {
      const studies = await dicomWeb.search('/studies', {
        ModalitiesInStudy: modality,
        StudyDate: dateRange(at, poll),
        includefield: tags.numberOfStudyRelatedInstances,
      });
      if (!studies.ok) return studies;
      for (const study of studies.value) {
        const studyInstanceUid = text(study, tags.studyInstanceUid);
        if (!isUidText(studyInstanceUid) || !isRecent(text(study, tags.studyDate) ?? '', readStudiesOfLastDays, at))
          continue;
        counts.set(studyInstanceUid, text(study, tags.numberOfStudyRelatedInstances) ?? '');
      }
    }
    for (const study of known.keys()) if (!counts.has(study)) known.delete(study);
    let queued = 0;
    for (const [studyInstanceUid, count] of counts) {
      const before = known.get(studyInstanceUid);
      if (before?.count === count && before.hour === hour && before.interval === interval) continue;
      const instances = await instancesOf(studyInstanceUid);
      if (!instances.ok) return instances;
      const isSame = before?.instances === instances.value;
      if (isSame && instances.value !== '' && before.interval === interval) {
        known.set(studyInstanceUid, { ...before, count, hour });
        continue;
      }
      // Count the changes, because an added and then deleted object gives the digest of an earlier job again.
      const changes = before && !isSame ? before.changes + 1 : (before?.changes ?? 0);
      const version = [count, hour, interval, instances.value, ...(changes > 0 ? [changes] : [])].join(' ');
      await submit({ pacs, tenant, studyInstanceUid, version });
      known.set(studyInstanceUid, { count, hour, instances: instances.value, interval, changes });
      queued++;
    }
    if (queued > 0) log.info({ pacs, studies: queued }, 'studies were queued');
    return ok(poll.everySeconds * 1000);
  };

  /** A digest of the UIDs and header attributes of the instances of a study. */
  async function instancesOf(study: string): Promise<Result<string, Fault>> {
    const instances = await dicomWeb.search(`/studies/${study}/instances`, { includefield: instanceFields.join() });
    // A refused study must not block the others. It is then compared by the number of instances and the hour.
    if (!instances.ok) return instances.fault.code === 'pacs_refused' ? ok('') : instances;
    const digests = instances.value
      .map((one) => attributesDigest(one, [tags.sopInstanceUid, ...instanceFields]))
      .toSorted();
    return ok(createHash('sha256').update(digests.join()).digest('base64url'));
  }
}

/**
 * The search range of the Study Date (PS3.4 C.2.2.2.5.1), in whole days of the archive's time zone. Study Time is not used,
 * because it may be missing and has no time zone. The range ends one day later, because the clock of the archive may be ahead.
 */
export function dateRange(now: Date, { withinHours, timeZone }: Pick<Poll, 'withinHours' | 'timeZone'>): string {
  const day = (time: number) =>
    new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
      .format(time)
      .replaceAll('-', '');
  return `${day(now.getTime() - withinHours * hourMs)}-${day(now.getTime() + 24 * hourMs)}`;
}
