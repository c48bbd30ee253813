import { z } from 'zod';
import { canonical, sha256 } from './digest.ts';
import type { Fault } from './fault.ts';

/** The input of a job. It may identify a study, so storage encrypts it. */
export const JobInput = z.discriminatedUnion('kind', [
  /** One uploaded film. `parameters` are those of POST /v1/readings. */
  z.object({
    kind: z.literal('film'),
    /** A blob. */
    upload: z.string(),
    mediaType: z.string(),
    parameters: z.record(z.string(), z.string()),
    /** Data of the caller; the reading repeats both. */
    reference: z.string().optional(),
    metadata: z.record(z.string(), z.string()).optional(),
    webhook: z.string().optional(),
  }),
  /** Instances of one study that were received by STOW-RS. Results go to a PACS if one is configured. */
  z.object({
    kind: z.literal('instances'),
    studyInstanceUid: z.string(),
    instances: z.array(z.object({ sopInstanceUid: z.string(), blob: z.string() })),
    pacs: z.string().optional(),
    webhook: z.string().optional(),
  }),
  /** A study in a PACS. Its frontal chest films are retrieved and read, and the results are stored in the PACS. */
  z.object({ kind: z.literal('study'), pacs: z.string(), studyInstanceUid: z.string() }),
  /** A webhook that reports the end of a job to its tenant. */
  z.object({ kind: z.literal('webhook'), url: z.string(), job: z.string() }),
]);
export type JobInput = z.infer<typeof JobInput>;
export type JobKind = JobInput['kind'];
export const jobKinds = JobInput.options.map(({ shape }) => shape.kind.value);

export const jobStates = ['queued', 'running', 'done', 'failed', 'dead', 'cancelled'] as const;
/**
 * `failed`: refused for a reason that no retry changes. `dead`: given up after too many tries; an operator can replay it.
 * `cancelled`: ended by its tenant.
 */
export type JobState = (typeof jobStates)[number];

/** A fault as JSON: its code and its members. */
const Refused = z.looseObject({ code: z.string() });

/** The outcome of one instance, or of the only film of a job. */
export const Outcome = z.object({
  sopInstanceUid: z.string().optional(),
  /** The id of its reading. */
  reading: z.string().optional(),
  refused: Refused.optional(),
  /** The SOP Instance UIDs that the PACS confirmed to hold. */
  stored: z.array(z.string()).optional(),
});
export type Outcome = z.infer<typeof Outcome>;

/** A unit of work that survives the request and the process that created it. */
export type Job = {
  readonly id: string;
  readonly tenant: string;
  readonly state: JobState;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Tries so far, including the current try. Tries that were postponed because the service was busy or stopped do not count. */
  readonly attempts: number;
  readonly progress: { readonly done: number; readonly total: number };
  readonly input: JobInput;
  readonly outcomes: readonly Outcome[];
  /** Why the job failed, or why it is tried again. */
  readonly fault?: Fault;
  /** Since when the job is postponed because the service or a store is busy. */
  readonly busySince?: string;
  /** The id of the current or last try. */
  readonly run?: string;
};

/** The encrypted part of a job: it may identify a study, and it is not queryable. */
export type Particulars = Pick<Job, 'input' | 'outcomes' | 'fault' | 'busySince' | 'run'>;

/** Whether a job has ended: only a replay changes it. */
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

/** `job_` and the SHA-256 of everything that defines the job. The same request gives the same job. */
export const jobId = async (identity: { readonly kind: string } & Readonly<Record<string, unknown>>): Promise<string> =>
  `job_${await sha256(canonical(identity))}`;
