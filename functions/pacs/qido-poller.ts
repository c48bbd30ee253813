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
  /** How often a study is submitted although the PACS lists no change. */
  readonly verifyMs?: number | undefined;
  readonly submit: SubmitStudy;
  readonly log: Logger;
  now(): Date;
};

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** What is known of a study in the window. */
type Seen = {
  /** As the PACS counts its instances, and when they were last looked at one by one. */
  readonly count: string;
  readonly hour: number;
  /** Of its instances, when it was last submitted, and how often that was because they had changed. */
  readonly instances: string;
  readonly interval: number;
  readonly changes: number;
};

/**
 * Asks a PACS that has no hook for the studies of the last hours, again and again. The windows overlap, so that no
 * cursor is needed: a study is one job per set of instances, and one per `verifyMs` in any case. The set is looked at when
 * the number of instances changes, and every hour, because a film that replaced another leaves the number as it was.
 */
export function createPoller({ pacs, settings, dicomWeb, verifyMs = dayMs, submit, log, now }: PollerDeps): PollOnce {
  const { tenant, modalities, readStudiesOfLastDays, poll } = settings;
  /** The studies in the window, so that they are not submitted at every look. */
  const known = new Map<string, Seen>();

  return async (): Promise<Result<number, Fault>> => {
    const at = now();
    const [hour, interval] = [hourMs, verifyMs].map((ms) => Math.floor(at.getTime() / ms)) as [number, number];
    const counts = new Map<string, string>();
    for (const modality of modalities) {
      const studies = await dicomWeb.search('/studies', {
        ...{ ModalitiesInStudy: modality, StudyDate: dateRange(at, poll) },
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
      // An object that came and went again is a change as well: the set alone would be that of an earlier job.
      const changes = before && !isSame ? before.changes + 1 : (before?.changes ?? 0);
      const version = [count, hour, interval, instances.value, ...(changes > 0 ? [changes] : [])].join(' ');
      await submit({ pacs, tenant, studyInstanceUid, version });
      known.set(studyInstanceUid, { count, hour, instances: instances.value, interval, changes });
      queued++;
    }
    if (queued > 0) log.info({ pacs, studies: queued }, 'studies were queued');
    return ok(poll.everySeconds * 1000);
  };

  /** A digest of the UIDs of a study's instances, and of what their headers say. */
  async function instancesOf(study: string): Promise<Result<string, Fault>> {
    const instances = await dicomWeb.search(`/studies/${study}/instances`, { includefield: instanceFields.join() });
    // A study that is refused must not hold up the others: then it is the number that counts, and the hour.
    if (!instances.ok) return instances.fault.code === 'pacs_refused' ? ok('') : instances;
    const digests = instances.value
      .map((one) => attributesDigest(one, [tags.sopInstanceUid, ...instanceFields]))
      .toSorted();
    return ok(createHash('sha256').update(digests.join()).digest('base64url'));
  }
}

/**
 * Study Date as a range (PS3.4 C.2.2.2.5.1), in whole days of the archive's time zone: Study Time may be missing and
 * carries no zone. A day more at the end, for a clock that is ahead.
 */
export function dateRange(now: Date, { withinHours, timeZone }: Pick<Poll, 'withinHours' | 'timeZone'>): string {
  const day = (time: number) =>
    new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
      .format(time)
      .replaceAll('-', '');
  return `${day(now.getTime() - withinHours * hourMs)}-${day(now.getTime() + 24 * hourMs)}`;
}
