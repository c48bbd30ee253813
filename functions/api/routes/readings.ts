import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { hasEnded } from '../../core/job.ts';
import { JobView, viewOf } from '../../core/job-view.ts';
import type { Reading } from '../../core/reading.ts';
import { ReadingSummary, ReadingView } from '../../core/reading-view.ts';
import { presentReading, summarizeReading } from '../../results/present-reading.ts';
import {
  PresentationParameters,
  parseAnnotation,
  parseParameters,
  ReadParameters,
  textOf,
} from '../../routing/parameters.ts';
import type { Deps } from '../deps.ts';
import { declaredBytes, upload } from '../http/body.ts';
import { conditional, etagHeader, IfNoneMatch, notModified } from '../http/caching.ts';
import { prefersAsync } from '../http/prefer.ts';
import { Refusal, strictQuery, unwrap } from '../http/problem.ts';
import { engineCodes, filmCodes, headers, planCodes, problemResponses } from '../http/responses.ts';
import { tagNames } from '../http/tags.ts';
import { readRequest } from '../read-request.ts';

const film = { type: 'string', format: 'binary' } as const;

const CreateQuery = z.strictObject({ ...ReadParameters.shape, ...PresentationParameters.shape });
const ShowQuery = PresentationParameters.pick({ view: true });

/** The reading, or its summary where the request asks for it. */
const Shown = z
  .discriminatedUnion('view', [ReadingView, ReadingSummary])
  .meta({ description: 'The view that the request asks for.' });

const preferenceApplied = {
  'Preference-Applied': {
    description: 'The preference of the request that the answer follows (RFC 7240).',
    schema: { type: 'string' },
  },
} as const;

const create = createRoute({
  method: 'post',
  path: '/v1/readings',
  operationId: 'createReading',
  tags: [tagNames.readings],
  summary: 'Read a radiograph',
  description:
    'Each finding is read by the cheapest plan of variants whose evidence is good enough for it. The same film and request give the same id, so a retry answers 200 with the stored reading. The stored reading keeps the reference and the metadata of the first request. With `Prefer: respond-async` a film that was not read before becomes a job, as by POST /v1/jobs, and the answer is 202 at once.',
  request: {
    query: CreateQuery,
    headers: z.object({
      prefer: z
        .string()
        .optional()
        .meta({ description: '`respond-async`: do not wait for the reading (RFC 7240).', example: 'respond-async' }),
    }),
    body: {
      required: true,
      content: {
        'multipart/form-data': {
          schema: {
            type: 'object',
            required: ['image'],
            additionalProperties: false,
            properties: { image: { ...film, description: 'The film: a PNG, JPEG or DICOM file.' } },
          },
        },
        'image/png': { schema: film },
        'image/jpeg': { schema: film },
        'application/dicom': { schema: film },
        'application/octet-stream': { schema: film },
      },
    },
  },
  responses: {
    201: {
      description: 'A new reading',
      headers: headers.location,
      content: { 'application/json': { schema: Shown } },
    },
    200: {
      description: 'The same film was read before, with the same request',
      headers: headers.location,
      content: { 'application/json': { schema: Shown } },
    },
    202: {
      description: 'With Prefer: respond-async. The job reads the film: poll the address in Location',
      headers: { ...headers.location, ...headers.retryAfter, ...preferenceApplied },
      content: { 'application/json': { schema: JobView } },
    },
    ...problemResponses(
      ...planCodes,
      'unreachable_target',
      'unsupported_media_type',
      'malformed_multipart',
      'quota_exceeded',
      ...filmCodes,
      ...engineCodes,
    ),
  },
});

const show = createRoute({
  method: 'get',
  path: '/v1/readings/{id}',
  operationId: 'getReading',
  tags: [tagNames.readings],
  summary: 'A stored reading',
  description: 'The answer of POST /v1/readings again. Only the tenant that sent the film finds it.',
  request: {
    params: z.object({ id: z.string().meta({ description: 'The id of a reading: rd_ and 64 hexadecimal digits.' }) }),
    query: ShowQuery,
    headers: IfNoneMatch,
  },
  responses: {
    200: { description: 'The reading', content: { 'application/json': { schema: Shown } }, headers: etagHeader },
    ...notModified,
    ...problemResponses('invalid_parameter', 'reading_not_found'),
  },
});

export function readings(app: OpenAPIHono, deps: Deps): void {
  const { router, engine, platform, budget, maxBodyBytes } = deps;
  const shown = (reading: Reading, view: PresentationParameters['view']) =>
    view === 'summary' ? summarizeReading(reading) : presentReading(reading, router.family);

  app.openapi(
    create,
    async (c) => {
      const tenant = c.get('tenant');
      const { reference, metadata, view, ...parameters } = c.req.valid('query');
      const request = unwrap(parseParameters(textOf(parameters), router.vocabulary));
      const annotation = unwrap(parseAnnotation({ reference, metadata }));
      const declared = unwrap(declaredBytes(c, maxBodyBytes));
      const isAsync = prefersAsync(c.req.header('prefer'));
      const overload = isAsync ? undefined : engine.overload(tenant);
      if (overload) throw new Refusal(overload);
      if (!budget.hasRoom(tenant, declared ?? 0)) throw new Refusal(budget.queueFull());
      const answer = await budget.runNow(tenant, 0, async (lease) => {
        const film = unwrap(
          await upload(c, { declared, limitBytes: maxBodyBytes, lease, queueFull: budget.queueFull }),
        );
        const { signal } = c.req.raw;
        return readRequest(deps, {
          tenant,
          film,
          request,
          parameters: textOf(parameters),
          annotation,
          isAsync,
          signal,
        });
      });
      const answered = unwrap(answer);
      if ('job' in answered) {
        const { job } = answered;
        const location = { location: `jobs/${job.id}`, 'preference-applied': 'respond-async' };
        return c.json(viewOf(job), 202, { ...location, ...(!hasEnded(job) && { 'retry-after': '1' }) });
      }
      const { reading, status } = answered;
      // Relative to /v1/readings, because a gateway may add a path prefix (RFC 9110 10.2.2).
      return c.json(shown(reading, view), status, { location: `readings/${reading.id}` });
    },
    strictQuery(CreateQuery),
  );

  app.use('/v1/readings/:id', conditional);
  app.openapi(show, async (c) => {
    const { id } = c.req.valid('param');
    const known = await platform.readings.get(c.get('tenant'), id);
    if (!known) throw new Refusal({ code: 'reading_not_found', id });
    return c.json(shown(known.reading, c.req.valid('query').view), 200);
  });
}
