import { z } from 'zod';
import type { Fault } from './fault.ts';
import { advice } from './fault-status.ts';
import { type Job, JobInput, jobStates, type Outcome } from './job.ts';
import { describe } from './problem.ts';

const Described = z
  .looseObject({
    type: z.string().meta({ description: 'A page about this problem.', example: '/problems/too_small' }),
    title: z.string(),
    status: z.int(),
    code: z.string().meta({ description: 'Stable: switch on this.', example: 'too_small' }),
    fix: z.string().meta({ description: 'How to correct the problem.' }),
  })
  .meta({ id: 'JobProblem', description: 'Problem details (RFC 9457) of a job.' });

const OutcomeView = z
  .object({
    sopInstanceUid: z.string().optional().meta({ description: 'The film, for a job from a PACS or by STOW-RS.' }),
    reading: z.string().optional().meta({ description: 'The id of the reading: GET /v1/readings/{id}.' }),
    refused: Described.optional().meta({ description: 'Why this film was not read.' }),
    stored: z
      .array(z.string())
      .optional()
      .meta({ description: 'SOP Instance UIDs of the results that the PACS confirmed to hold.' }),
  })
  .meta({ id: 'Outcome' });

export const JobView = z
  .object({
    id: z.string().meta({ example: 'job_4b1f0c…' }),
    kind: z.enum(JobInput.options.map(({ shape }) => shape.kind.value)),
    state: z.enum(jobStates).meta({
      description:
        'queued, running, done; failed: refused for a reason that no retry changes; dead: given up after too many tries, the operator can replay it.',
    }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    attempts: z.int().meta({ description: 'Tries so far, including the current try.' }),
    progress: z.object({ done: z.int(), total: z.int() }),
    outcomes: z.array(OutcomeView),
    problem: Described.optional().meta({
      description: 'Why the job failed or was given up, or why it is tried again.',
    }),
  })
  .meta({ id: 'Job' });
export type JobView = z.infer<typeof JobView>;

/** A job as the API shows it to its tenant. */
export function viewOf({ input, tenant: _, fault, outcomes, busySince: _since, run: _run, ...plain }: Job): JobView {
  return {
    ...plain,
    kind: input.kind,
    outcomes: outcomes.map(viewOfOutcome),
    ...(fault && { problem: describe(fault) }),
  };
}

const viewOfOutcome = ({ refused, ...plain }: Outcome): JobView['outcomes'][number] => ({
  ...plain,
  ...(refused && { refused: isFault(refused) ? describe(refused) : describe({ code: 'internal' }) }),
});

const isFault = (refused: { readonly code: string }): refused is Fault => Object.hasOwn(advice, refused.code);
