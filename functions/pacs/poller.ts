import type { Fault } from '../pipeline/fault.ts';
import { ok, type Result } from '../pipeline/result.ts';
import type { Logger } from '../platform/log.ts';
import type { PacsSettings, Poll } from './config.ts';
import type { DicomWeb } from './dicomweb.ts';
import { isUid, tags, text } from './dicomweb-json.ts';
import { isRecent, type SubmitStudy } from './study-job.ts';
import type { Look } from './watch.ts';

export type PollerDeps = {
  readonly pacs: string;
  readonly settings: Pick<PacsSettings, 'tenant' | 'modalities' | 'readStudiesOfLastDays'> & { readonly poll: Poll };
  readonly dicomWeb: Pick<DicomWeb, 'search'>;
  readonly submit: SubmitStudy;
  readonly log: Logger;
  now(): Date;
};

const hourMs = 3_600_000;

/**
 * Asks a PACS that has no hook for the studies of the last hours, again and again. The windows overlap, so that no
 * cursor is needed: a study is one job for each number of instances it has had, and once an hour in any case, because a
 * film that replaced another leaves the number as it was.
 */
export function createPoller({ pacs, settings, dicomWeb, submit, log, now }: PollerDeps): Look {
  const { tenant, modalities, readStudiesOfLastDays, poll } = settings;
  /** What was submitted of the studies in the window, so that it is not submitted at every look. */
  let submitted = new Map<string, string>();

  return async (): Promise<Result<number, Fault>> => {
    const at = now();
    const hour = Math.floor(at.getTime() / hourMs);
    const seen = new Map<string, string>();
    for (const modality of modalities) {
      const studies = await dicomWeb.search('/studies', {
        ...{ ModalitiesInStudy: modality, StudyDate: dateRange(at, poll) },
        includefield: tags.numberOfStudyRelatedInstances,
      });
      if (!studies.ok) return studies;
      for (const study of studies.value) {
        const studyInstanceUid = text(study, tags.studyInstanceUid);
        if (!isUid(studyInstanceUid) || !isRecent(text(study, tags.studyDate) ?? '', readStudiesOfLastDays, at))
          continue;
        seen.set(studyInstanceUid, `${text(study, tags.numberOfStudyRelatedInstances) ?? ''} ${hour}`);
      }
    }
    const fresh = [...seen].filter(([study, version]) => submitted.get(study) !== version);
    for (const [studyInstanceUid, version] of fresh) await submit({ pacs, tenant, studyInstanceUid, version });
    submitted = seen;
    if (fresh.length > 0) log.info({ pacs, studies: fresh.length }, 'studies were queued');
    return ok(poll.everySeconds * 1000);
  };
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
