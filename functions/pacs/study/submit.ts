import type { Job } from '../../core/job.ts';
import { jobId } from '../../core/job-id.ts';
import { submit } from '../../jobs/submit.ts';
import type { Platform } from '../../storage/platform.ts';

/** A study of a PACS at one moment of its life. */
export type StudyVersion = {
  readonly pacs: string;
  readonly tenant: string;
  readonly studyInstanceUid: string;
  /** Changes when the study does: what is seen again is the same job, a late film a new one. */
  readonly version: string;
};

export type SubmitStudy = (study: StudyVersion) => Promise<Job>;

/** Take on the job that reads a study. */
export const submitStudy =
  (platform: Pick<Platform, 'enqueue'>): SubmitStudy =>
  async (study) => {
    const { pacs, tenant, studyInstanceUid } = study;
    const id = await jobId({ kind: 'study', ...study });
    return submit(platform, id, tenant, { kind: 'study', pacs, studyInstanceUid });
  };

const dayMs = 86_400_000;

/** Whether a Study Date (DA) lies within the last days; a study that does not say is taken for a new one. */
export function isRecent(studyDate: string, days: number | undefined, now: Date): boolean {
  if (days === undefined || !/^\d{8}$/.test(studyDate)) return true;
  // A day more, because the archive's clock and calendar may be those of another time zone.
  const oldest = new Date(now.getTime() - (days + 1) * dayMs).toISOString().slice(0, 10).replaceAll('-', '');
  return studyDate >= oldest;
}
