import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Fault } from '../../core/fault.ts';
import { advice } from '../../core/fault-status.ts';
import { Described, JobView, viewOf } from '../../core/job-view.ts';
import { describe } from '../../core/problem.ts';
import { ReadingSummary, ReadingView } from '../../core/reading-view.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { ms } from '../../core/units.ts';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';
import { presentReading, summarizeReading } from '../../results/present-reading.ts';
import {
  PresentationParameters,
  parseAnnotation,
  parseParameters,
  ReadParameters,
  textOf,
} from '../../routing/parameters.ts';
import { QuotaExceeded } from '../../storage/blobs.ts';
import type { Deps } from '../deps.ts';
import { declaredBytes, maxFormParts, uploads } from '../http/body.ts';
import { prefersAsync } from '../http/prefer.ts';
import { Refusal, strictQuery, unwrap } from '../http/problem.ts';
import { countFilms } from '../http/rate-limit.ts';
import { engineCodes, formatCodes, planCodes, problemResponses } from '../http/responses.ts';
import { tagNames } from '../http/tags.ts';
import { type FilmAnswer, readRequest } from '../read-request.ts';

const BatchQuery = z.strictObject({ ...ReadParameters.shape, ...PresentationParameters.shape });

const FilmOutcome = z
  .object({
    filename: z.string().optional().meta({ description: 'The file name of the part, if the request named one.' }),
    status: z.int().meta({
      description:
        'The HTTP status that POST /v1/readings would have for this film: 200 or 201 with a reading, 202 with a job, others with a problem.',
      example: 201,
    }),
    reading: z
      .union([ReadingView, ReadingSummary])
      .optional()
      .meta({ description: 'The reading, in the view that the request asks for.' }),
    job: JobView.optional().meta({ description: 'The job that reads the film, with Prefer: respond-async.' }),
    problem: Described.optional().meta({ description: 'Why this film was not read.' }),
  })
  .meta({ id: 'FilmOutcome', description: 'The outcome of one film of a batch.' });
type FilmOutcome = z.infer<typeof FilmOutcome>;

const Batch = z
  .object({
    outcomes: z.array(FilmOutcome).meta({ description: 'One outcome per film, in the order of the parts.' }),
  })
  .meta({ id: 'Batch', description: 'The outcomes of the films of one request.' });

const create = createRoute({
  method: 'post',
  path: '/v1/batches',
  operationId: 'createBatch',
  tags: [tagNames.readings],
  summary: 'Read several radiographs',
  description: `Reads each film as POST /v1/readings does, with the same parameters, which apply to each film. The outcome of one film does not depend on the others. A batch has at most ${maxFormParts} films, and all of them together have at most the size of one body (ALARA_MAX_BODY_MB). With \`Prefer: respond-async\` each film that was not read before becomes a job.`,
  request: {
    query: BatchQuery,
    headers: z.object({
      prefer: z
        .string()
        .optional()
        .meta({ description: '`respond-async`: do not wait for the readings (RFC 7240).', example: 'respond-async' }),
    }),
    body: {
      required: true,
      content: {
        'multipart/form-data': {
          schema: {
            type: 'object',
            required: ['image'],
            additionalProperties: false,
            properties: {
              image: {
                type: 'array',
                minItems: 1,
                maxItems: maxFormParts,
                items: { type: 'string', format: 'binary' },
                description: 'The films: one part named image per PNG, JPEG or DICOM file.',
              },
            },
          },
        },
      },
    },
  },
  responses: {
    200: { description: 'One outcome per film', content: { 'application/json': { schema: Batch } } },
    ...problemResponses(
      ...planCodes,
      ...formatCodes.filter((code) => code === 'empty_body'),
      ...engineCodes.filter((code) => code === 'queue_full' || code === 'shutting_down'),
      'unreachable_target',
      'unsupported_media_type',
      'malformed_multipart',
    ),
  },
});

/** Read several films of one request. */
export function batches(app: OpenAPIHono, deps: Deps): void {
  const { router, engine, budget, maxBodyBytes } = deps;
  app.openapi(
    create,
    async (c) => {
      const tenant = c.get('tenant');
      const { reference, metadata, view, ...rest } = c.req.valid('query');
      const parameters = textOf(rest);
      const request = unwrap(parseParameters(parameters, router.vocabulary));
      const annotation = unwrap(parseAnnotation({ reference, metadata }));
      // A target that no variant reaches is a fault of the request and not of each film.
      unwrap(router.plan(request));
      const declared = unwrap(declaredBytes(c, maxBodyBytes));
      const isAsync = prefersAsync(c.req.header('prefer'));
      const overload = isAsync ? undefined : engine.overload(tenant);
      if (overload) throw new Refusal(overload);
      if (!budget.hasRoom(tenant, declared ?? 0)) throw new Refusal(budget.queueFull());
      const present = (answer: Result<FilmAnswer, Fault>): FilmOutcome => {
        if (!answer.ok) return { status: advice[answer.fault.code].status, problem: describe(answer.fault) };
        if ('job' in answer.value) return { status: 202, job: viewOf(answer.value.job) };
        const { reading, status } = answer.value;
        return {
          status,
          reading: view === 'summary' ? summarizeReading(reading) : presentReading(reading, router.family),
        };
      };
      const { signal } = c.req.raw;
      const outcomes = await budget.runNow(tenant, 0, async (lease) => {
        const memory = { declared, limitBytes: maxBodyBytes, lease, queueFull: budget.queueFull };
        const films = unwrap(await uploads(c, memory));
        countFilms(c, deps, films.length);
        const common = { tenant, request, parameters, annotation, isAsync, signal };
        const answers = films.map(async ({ filename, film }): Promise<FilmOutcome> => {
          const answer = film.ok ? await withoutOutage(readRequest(deps, { ...common, film: film.value })) : film;
          return { ...(filename !== undefined && { filename }), ...present(answer) };
        });
        return ok(await Promise.all(answers));
      });
      return c.json({ outcomes: unwrap(outcomes) }, 200);
    },
    strictQuery(BatchQuery),
  );
}

/** The answer to one film. An error of the store concerns this film only: others may be stored already. */
const withoutOutage = (answer: Promise<Result<FilmAnswer, Fault>>): Promise<Result<FilmAnswer, Fault>> =>
  answer.catch((error) => {
    if (error instanceof QuotaExceeded) return fail<Fault>({ code: 'quota_exceeded', limitBytes: error.limitBytes });
    if (error instanceof StoreUnavailable)
      return fail<Fault>({ code: 'store_unavailable', retryAfterMs: ms(error.retryAfterMs) });
    throw error;
  });
