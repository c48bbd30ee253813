import { z } from 'zod';
import type { Fault, FaultCode } from './fault.ts';
import { advice } from './fault-status.ts';
import { type Job, jobKinds, jobStates, type Outcome } from './job.ts';
import { describe } from './problem.ts';
import { annotationOf } from './reading.ts';
import { annotationView } from './reading-view.ts';

export const Described = z
  .looseObject({
    type: z.string().meta({ description: 'A page about this problem.', example: '/problems/too_small' }),
    title: z.string().meta({ description: 'The problem in words. The words may change.' }),
    status: z.int().meta({ description: 'The HTTP status of the same problem in an answer.', example: 422 }),
    code: z
      .enum(Object.keys(advice) as [FaultCode, ...FaultCode[]])
      .meta({ description: 'Stable: switch on this.', example: 'too_small' }),
    fix: z.string().meta({ description: 'How to correct the problem.' }),
  })
  .meta({
    id: 'JobProblem',
    description:
      'Problem details (RFC 9457) of a job. Further members are those of the code: `code` too_small has the members of TooSmallProblem.',
  });

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
  .meta({ id: 'Outcome', description: 'The outcome of one film.' });

export const JobView = z
  .object({
    id: z
      .string()
      .meta({ description: 'A digest of the film and its request. A retry has the same id.', example: 'job_4b1f0c…' }),
    kind: z.enum(jobKinds).meta({
      description:
        'film: an upload; instances: films by STOW-RS; study: a study of a PACS; webhook: the delivery of a webhook.',
    }),
    ...annotationView,
    state: z.enum(jobStates).meta({
      description:
        'queued, running, done; failed: refused for a reason that no retry changes; dead: given up after too many tries, the operator can replay it; cancelled: ended by POST /v1/jobs/{id}/cancel.',
    }),
    createdAt: z.iso.datetime().meta({ description: 'When the job was made.' }),
    updatedAt: z.iso.datetime().meta({
      description:
        'When its state, progress or outcomes changed last. Outcomes that follow a cancellation do not change it.',
    }),
    attempts: z.int().meta({ description: 'Tries so far, including the current try.' }),
    progress: z
      .object({
        done: z.int().meta({ description: 'Films with an outcome.' }),
        total: z.int().meta({ description: 'Films of the job.' }),
      })
      .meta({ description: 'The progress of the job, in films.' }),
    outcomes: z.array(OutcomeView).meta({ description: 'The outcomes so far, one per film.' }),
    delivers: z
      .object({
        job: z.string().meta({ description: 'The job whose end the webhook reports.' }),
        url: z.string().meta({ description: 'The address of the webhook.' }),
      })
      .optional()
      .meta({ description: 'Only of jobs of the kind webhook.' }),
    problem: Described.optional().meta({
      description: 'Why the job failed or was given up, or why it is tried again.',
    }),
  })
  .meta({ id: 'Job', description: 'A unit of work that survives the request that made it.' });
export type JobView = z.infer<typeof JobView>;

const ProblemSummary = z
  .object({
    type: Described.shape.type,
    title: Described.shape.title,
    status: Described.shape.status,
    code: Described.shape.code,
    fix: Described.shape.fix,
  })
  .meta({
    id: 'JobProblemSummary',
    description: 'The members of a problem that are equal for every job with this code.',
  });

/** The body of the webhook that reports the end of a job. It contains no identifiers. */
export const JobFinished = z
  .object({
    type: z.literal('job.finished').meta({ description: 'The name of the event.' }),
    timestamp: z.iso.datetime().meta({ description: 'When the job ended.' }),
    data: z
      .object({
        job: JobView.omit({ delivers: true })
          .extend({
            outcomes: z
              .array(
                z
                  .object({
                    reading: OutcomeView.shape.reading,
                    refused: ProblemSummary.optional().meta({ description: 'Why this film was not read.' }),
                  })
                  .meta({ id: 'OutcomeSummary', description: 'The outcome of one film, without identifiers.' }),
              )
              .meta({ description: 'The outcomes, one per film.' }),
            problem: ProblemSummary.optional().meta({ description: 'Why the job failed or was given up.' }),
          })
          .meta({ id: 'JobSummary', description: 'A job without identifiers.' }),
      })
      .meta({ description: 'The data of the event.' }),
  })
  .meta({ id: 'JobFinished', description: 'The event that a job has ended.' });
export type JobFinished = z.infer<typeof JobFinished>;

/** A job as the API shows it to its tenant. */
export function viewOf({ input, tenant: _, fault, outcomes, busySince: _since, run: _run, ...plain }: Job): JobView {
  return {
    ...plain,
    kind: input.kind,
    ...(input.kind === 'film' && annotationOf(input)),
    outcomes: outcomes.map(viewOfOutcome),
    ...(input.kind === 'webhook' && { delivers: { job: input.job, url: input.url } }),
    ...(fault && { problem: describe(fault) }),
  };
}

const viewOfOutcome = ({ refused, ...plain }: Outcome): JobView['outcomes'][number] => ({
  ...plain,
  ...(refused && { refused: isFault(refused) ? describe(refused) : describe({ code: 'internal' }) }),
});

const isFault = (refused: { readonly code: string }): refused is Fault => Object.hasOwn(advice, refused.code);
