import { z } from 'zod';
import { advice, type Fault } from './fault.ts';
import { type Job, JobInput, jobStates, type Outcome } from './job.ts';
import { describe } from './problem.ts';

const Described = z
  .looseObject({
    type: z.string().meta({ description: 'A page about this problem.', example: '/problems/too_small' }),
    title: z.string(),
    status: z.int(),
    code: z.string().meta({ description: 'Stable: switch on this.', example: 'too_small' }),
    fix: z.string().meta({ description: 'What to do about it.' }),
  })
  .meta({ id: 'JobProblem', description: 'Problem details (RFC 9457) of work that no request waits for.' });

const OutcomeView = z
  .object({
    sopInstanceUid: z.string().optional().meta({ description: 'Of a job from a PACS: the film.' }),
    reading: z.string().optional().meta({ description: 'The id of its reading: GET /v1/readings/{id}.' }),
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
    attempts: z.int().meta({ description: 'Tries so far, the one that runs included.' }),
    progress: z.object({ done: z.int(), total: z.int() }),
    outcomes: z.array(OutcomeView),
    problem: Described.optional().meta({ description: 'Why it failed or was given up, or why it is tried again.' }),
  })
  .meta({ id: 'Job' });
export type JobView = z.infer<typeof JobView>;

/** A job as its tenant is shown it. */
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
