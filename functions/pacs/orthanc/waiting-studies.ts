import type { Job } from '../../core/job.ts';
import type { JobStore } from '../../storage/jobs.ts';
import type { LogPosition } from './cursor.ts';

/** A study with new films that is not submitted yet. */
export type PendingStudy = {
  readonly study: string;
  /** The position before the first change of the study. The cursor must not move past it. */
  readonly before: LogPosition;
  readonly last: LogPosition;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  /** Whether Orthanc reported the study as stable. */
  readonly isStable: boolean;
};

/** A study that keeps getting new films is submitted after this time. */
const maxWaitMs = 60_000;

/** Studies that wait until no more films are added, in the order of their first change. */
export function createPendingStudies(settleMs: number) {
  const studies = new Map<string, PendingStudy>();
  const dueAtMs = ({ isStable, firstSeenMs, lastSeenMs }: PendingStudy) =>
    isStable ? 0 : Math.min(lastSeenMs + settleMs, firstSeenMs + Math.max(maxWaitMs, settleMs));
  return {
    add(study: string, before: LogPosition, last: LogPosition, nowMs: number) {
      const known = studies.get(study) ?? { study, before, firstSeenMs: nowMs };
      studies.set(study, { ...known, last, lastSeenMs: nowMs, isStable: false });
    },
    markStable(study: string) {
      const known = studies.get(study);
      if (known) studies.set(study, { ...known, isStable: true });
    },
    due: (nowMs: number) => [...studies.values()].filter((pending) => dueAtMs(pending) <= nowMs),
    isFull: () => studies.size > maxWaitingStudies,
    remove: (study: string) => studies.delete(study),
    /** Milliseconds until the next study is due. */
    msUntilDue: (nowMs: number) => Math.min(...[...studies.values()].map((pending) => dueAtMs(pending) - nowMs)),
    /** The furthest allowed position of the cursor if the log was read up to `scanned`. */
    cursor: (scanned: LogPosition) =>
      [...studies.values()].reduce((at, { before }) => (before.seq < at.seq ? before : at), scanned),
    clear: () => studies.clear(),
  };
}

/** Limit of studies that wait for their first attempt. At the limit, polling pauses, and further changes stay in the change log. */
const maxWaitingStudies = 1000;

/**
 * The submitted studies of one PACS whose jobs have not started. Other jobs do not count, because webhooks, retries and the
 * jobs of another PACS must not pause the polling of this PACS.
 */
export function createBacklog(jobs: Pick<JobStore, 'get'>) {
  const queued: string[] = [];
  const isWaiting = ({ state, attempts }: Job) => state === 'queued' && attempts === 0;
  return {
    add(job: Job) {
      if (isWaiting(job)) queued.push(job.id);
    },
    /** Jobs start in the order of submission, so one lookup of the oldest job usually suffices. */
    async isFull(): Promise<boolean> {
      for (let oldest = queued[0]; oldest !== undefined && queued.length > maxWaitingStudies; oldest = queued[0]) {
        const job = await jobs.get(oldest);
        if (job && isWaiting(job)) return true;
        queued.shift();
      }
      return false;
    },
  };
}
