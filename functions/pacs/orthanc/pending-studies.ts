import { mostWaiting } from './backlog.ts';
import type { LogPosition } from './cursor.ts';

/** A study to which films were added, not yet submitted. */
export type PendingStudy = {
  readonly study: string;
  /** The place before its first change: the cursor may not pass it. */
  readonly before: LogPosition;
  readonly last: LogPosition;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  /** Orthanc itself has called it complete. */
  readonly stable: boolean;
};

/** A study that never comes to rest is read after so long. */
const mostMs = 60_000;

/** Studies that wait until nothing more is added to them, the longest waiting first. */
export function createPendingStudies(settleMs: number) {
  const studies = new Map<string, PendingStudy>();
  const dueMs = ({ stable, firstSeenMs, lastSeenMs }: PendingStudy) =>
    stable ? 0 : Math.min(lastSeenMs + settleMs, firstSeenMs + Math.max(mostMs, settleMs));
  return {
    add(study: string, before: LogPosition, last: LogPosition, nowMs: number) {
      const known = studies.get(study) ?? { study, before, firstSeenMs: nowMs };
      studies.set(study, { ...known, last, lastSeenMs: nowMs, stable: false });
    },
    calledStable(study: string) {
      const known = studies.get(study);
      if (known) studies.set(study, { ...known, stable: true });
    },
    due: (nowMs: number) => [...studies.values()].filter((pending) => dueMs(pending) <= nowMs),
    isFull: () => studies.size > mostWaiting,
    remove: (study: string) => studies.delete(study),
    /** Milliseconds until the next one is due. */
    nextMs: (nowMs: number) => Math.min(...[...studies.values()].map((pending) => dueMs(pending) - nowMs)),
    /** Where the cursor may stand when everything up to `scanned` was seen. */
    cursor: (scanned: LogPosition) =>
      [...studies.values()].reduce((at, { before }) => (before.seq < at.seq ? before : at), scanned),
    clear: () => studies.clear(),
  };
}
