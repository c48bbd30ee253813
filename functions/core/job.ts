import { z } from 'zod';
import type { Fault } from './fault.ts';

/** What a job works on. It may name a study and is kept sealed. */
export const JobInput = z.discriminatedUnion('kind', [
  /** One uploaded film, read as the query parameters of POST /v1/readings say. */
  z.object({
    kind: z.literal('film'),
    /** A blob. */
    upload: z.string(),
    mediaType: z.string(),
    parameters: z.record(z.string(), z.string()),
    webhook: z.string().optional(),
  }),
  /** Instances of one study that came by STOW-RS; results go to a PACS where one is configured for them. */
  z.object({
    kind: z.literal('instances'),
    studyInstanceUid: z.string(),
    instances: z.array(z.object({ sopInstanceUid: z.string(), blob: z.string() })),
    pacs: z.string().optional(),
    webhook: z.string().optional(),
  }),
  /** A study in a PACS: its frontal chest films are pulled and read, the results stored back. */
  z.object({ kind: z.literal('study'), pacs: z.string(), studyInstanceUid: z.string() }),
  /** Tell a tenant that a job has finished. */
  z.object({ kind: z.literal('webhook'), url: z.string(), job: z.string() }),
]);
export type JobInput = z.infer<typeof JobInput>;

export const jobStates = ['queued', 'running', 'done', 'failed', 'dead'] as const;
/**
 * `failed`: refused for a reason that no retry changes. `dead`: given up after too many tries; it can be replayed.
 */
export type JobState = (typeof jobStates)[number];

/** A fault as its code and what it carries. */
const Refused = z.looseObject({ code: z.string() });

/** What came of one instance, or of the one film of a job. */
export const Outcome = z.object({
  sopInstanceUid: z.string().optional(),
  /** The id of its reading. */
  reading: z.string().optional(),
  refused: Refused.optional(),
  /** The SOP Instance UIDs that the PACS confirmed to hold. */
  stored: z.array(z.string()).optional(),
});
export type Outcome = z.infer<typeof Outcome>;

/** A unit of work that outlives the request, and the process, that asked for it. */
export type Job = {
  readonly id: string;
  readonly tenant: string;
  readonly state: JobState;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Tries so far, the one that runs included; those that were put off, because the service was busy or stopped, are not. */
  readonly attempts: number;
  readonly progress: { readonly done: number; readonly total: number };
  readonly input: JobInput;
  readonly outcomes: readonly Outcome[];
  /** Why it failed, or why it is tried again. */
  readonly fault?: Fault;
  /** Since when it is put off, because the service or a store is busy. */
  readonly busySince?: string;
  /** Names the try that runs, or ran last. */
  readonly run?: string;
};

/** What of a job may name a study, or is of no use to who looks for jobs: a store keeps it in one piece, sealed. */
export type Particulars = Pick<Job, 'input' | 'outcomes' | 'fault' | 'busySince' | 'run'>;

/** Whether nothing more happens to a job unless it is replayed. */
export const hasEnded = ({ state }: Pick<Job, 'state'>): boolean => state !== 'queued' && state !== 'running';

/** The blobs that a job needs until it has ended. */
export function blobsOf(input: JobInput): readonly string[] {
  switch (input.kind) {
    case 'film':
      return [input.upload];
    case 'instances':
      return input.instances.map(({ blob }) => blob);
    case 'study':
    case 'webhook':
      return [];
  }
}
