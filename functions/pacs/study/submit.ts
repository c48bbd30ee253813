import { type Job, jobId } from '../../core/job.ts';
import { submit } from '../../jobs/submit.ts';
import type { Platform } from '../../storage/platform.ts';

/** One version of a study in a PACS. */
export type StudyVersion = {
  readonly pacs: string;
  readonly tenant: string;
  readonly studyInstanceUid: string;
  /** Changes when the study changes. An unchanged study is the same job, and a late film makes a new job. */
  readonly version: string;
};

export type SubmitStudy = (study: StudyVersion) => Promise<Job>;

/** Submit the job that reads a study. */
export const submitStudy =
  (platform: Pick<Platform, 'enqueue'>): SubmitStudy =>
  async (study) => {
    const { pacs, tenant, studyInstanceUid } = study;
    const id = await jobId({ kind: 'study', ...study });
    return submit(platform, id, tenant, { kind: 'study', pacs, studyInstanceUid });
  };

const dayMs = 86_400_000;

/** Whether a Study Date (DA) is within the last `days`. A study without a date counts as recent. */
export function isRecent(studyDate: string, days: number | undefined, now: Date): boolean {
  if (days === undefined || !/^\d{8}$/.test(studyDate)) return true;
  // One day is added, because the archive may be in another time zone.
  const oldest = new Date(now.getTime() - (days + 1) * dayMs).toISOString().slice(0, 10).replaceAll('-', '');
  return studyDate >= oldest;
}
