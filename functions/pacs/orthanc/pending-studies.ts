import { maxWaitingStudies } from './backlog.ts';
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
