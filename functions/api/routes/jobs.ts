import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { hasEnded, type Job, jobKinds, jobStates } from '../../core/job.ts';
import { JobView, viewOf } from '../../core/job-view.ts';
import { annotationDescription, Metadata, Reference } from '../../core/reading-view.ts';
import { ok } from '../../core/result.ts';
import { sniff, unsupportedFormatFault } from '../../decode/sniff.ts';
import { cancel } from '../../jobs/cancel.ts';
import { allowedTarget } from '../../jobs/handlers/webhook.ts';
import { submitFilm } from '../../jobs/submit.ts';
import { JsonParameters, parseParameters, textOf } from '../../routing/parameters.ts';
import type { Deps } from '../deps.ts';
import { mediaTypes } from '../http/body.ts';
import { Cursor, Next, pageOf } from '../http/cursor.ts';
import { problem, Refusal, strictQuery, unwrap } from '../http/problem.ts';
import { formatCodes, headers, planCodes, problemResponses } from '../http/responses.ts';
import { tagNames } from '../http/tags.ts';
import { copyUpload, uploadedBlob } from './uploads.ts';

const maxJsonBytes = 64_000;

const NewJob = z
  .strictObject({
    upload: z.string().meta({ description: 'The id that POST /v1/uploads gave.' }),
    mediaType: z
      .enum(mediaTypes)
      .optional()
      .meta({ description: 'The media type of the upload. Default: decided by its first bytes.' }),
    webhook: z.string().optional().meta({
      description:
        'Address that receives a webhook when the job has ended, by Standard Webhooks (https://www.standardwebhooks.com). The operator must allow its host first.',
      example: 'https://ris.example.org/hooks/alara',
    }),
    ...JsonParameters.shape,
    reference: Reference.optional().meta({ description: annotationDescription.reference, example: 'exam-4711' }),
    metadata: Metadata.optional().meta({ description: annotationDescription.metadata, example: { ward: 'A3' } }),
  })
  .meta({
    id: 'NewJob',
    description:
      'An upload and its parameters, which are those of the query of POST /v1/readings. Numbers, booleans, lists and objects may be JSON values.',
  });

const JobList = z
  .object({ jobs: z.array(JobView).meta({ description: 'Jobs, newest first.' }), next: Next })
  .meta({ id: 'JobList', description: 'Jobs of a tenant.' });

const ListQuery = z.strictObject({
  state: z.enum(jobStates).optional().meta({ description: 'Only jobs in this state.' }),
  kind: z.enum(jobKinds).optional().meta({
    description: 'Only jobs of this kind. By default all kinds but webhook, because most webhooks repeat their job.',
  }),
  limit: z.coerce.number().int().min(1).max(1000).default(100).meta({ description: 'The most jobs of the answer.' }),
  cursor: Cursor,
});

const unfinished = {
  description: 'The job is queued or running: ask again after the seconds in Retry-After',
  headers: { ...headers.location, ...headers.retryAfter },
  content: { 'application/json': { schema: JobView } },
};

const create = createRoute({
  method: 'post',
  path: '/v1/jobs',
  operationId: 'createJob',
  tags: [tagNames.jobs],
  summary: 'Read an upload, without waiting for it',
  description:
    'The same film and request give the same job, so a retry is safe and returns the state of the job. A job that failed, was given up or was cancelled is tried again.',
  request: {
    query: z.strictObject({}),
    body: { required: true, content: { 'application/json': { schema: NewJob, example: { upload: 'UPLOAD' } } } },
  },
  responses: {
    202: unfinished,
    200: {
      description: 'The job has ended',
      headers: headers.location,
      content: { 'application/json': { schema: JobView } },
    },
    ...problemResponses(
      'malformed_json',
      ...planCodes,
      'webhook_not_allowed',
      'upload_not_found',
      ...formatCodes,
      'quota_exceeded',
      'queue_full',
    ),
  },
});

const show = createRoute({
  method: 'get',
  path: '/v1/jobs/{id}',
  operationId: 'getJob',
  tags: [tagNames.jobs],
  summary: 'The state of a job',
  description: 'While the job is queued or running, Retry-After says after how many seconds to ask again.',
  request: {
    params: z.object({ id: z.string().meta({ description: 'The id of a job: job_ and 64 hexadecimal digits.' }) }),
    query: z.strictObject({}),
  },
  responses: {
    200: { description: 'The job', headers: headers.retryAfter, content: { 'application/json': { schema: JobView } } },
    ...problemResponses('job_not_found'),
  },
});

const stop = createRoute({
  method: 'post',
  path: '/v1/jobs/{id}/cancel',
  operationId: 'cancelJob',
  tags: [tagNames.jobs],
  summary: 'Cancel a job',
  description:
    'A queued or running job ends with the state cancelled, and its copy of the film is deleted. The upload stays usable until it expires; DELETE /v1/uploads/{id} deletes it earlier. A film that is being read is stopped within seconds. If its reading is finished first, the reading stays stored, and `outcomes` of the job names it within seconds, after the webhook. The webhook of the job reports the state. Cancelling again returns the same job. POST /v1/jobs with the same film and parameters starts the job again.',
  request: {
    params: z.object({ id: z.string().meta({ description: 'The id of a job: job_ and 64 hexadecimal digits.' }) }),
    query: z.strictObject({}),
  },
  responses: {
    200: { description: 'The cancelled job', content: { 'application/json': { schema: JobView } } },
    ...problemResponses('job_not_found', 'job_ended'),
  },
});

const list = createRoute({
  method: 'get',
  path: '/v1/jobs',
  operationId: 'listJobs',
  tags: [tagNames.jobs],
  summary: 'Jobs, newest first',
  description: 'The jobs of your tenant that were made in the time that the service keeps them.',
  request: { query: ListQuery },
  responses: {
    200: { description: 'A page of jobs', content: { 'application/json': { schema: JobList } } },
    ...problemResponses('invalid_parameter'),
  },
});

/** A film takes about one second, so polling more often has no use. */
const retryAfter = (job: Job): Record<string, string> => (hasEnded(job) ? {} : { 'retry-after': '1' });

export function jobs(app: OpenAPIHono, { router, platform, budget, maxUploadBytes }: Deps): void {
  app.post(
    create.path,
    bodyLimit({
      maxSize: maxJsonBytes,
      onError: (c) => problem(c, { code: 'body_too_large', limitBytes: maxJsonBytes }),
    }),
  );

  app.openapi(
    create,
    async (c) => {
      const tenant = c.get('tenant');
      const { upload, mediaType: declared, webhook, reference, metadata, ...rest } = c.req.valid('json');
      const parameters = textOf(rest);
      const request = unwrap(parseParameters(parameters, router.vocabulary));
      if (webhook !== undefined) unwrap(allowedTarget(tenant, webhook, await platform.access.webhooks(tenant)));
      // Copy the upload: it may be replaced, used by another job, or expire while this job waits.
      const copied = await budget.runNow(tenant, 2 * platform.blobs.heldBytes, async () =>
        ok(await copyUpload(platform.blobs, uploadedBlob(tenant, upload), maxUploadBytes, tenant)),
      );
      const film = unwrap(copied);
      if (!film) throw new Refusal({ code: 'upload_not_found', id: upload });
      const found = sniff(film.start);
      if (!found) {
        await platform.blobs.remove(film.blob);
        throw new Refusal(unsupportedFormatFault(film.start, declared ?? 'none'));
      }
      const mediaType = declared ?? found;

      const reading = router.identifyDigest(tenant, film.digest, request);
      const input = { kind: 'film' as const, upload: film.blob, mediaType, parameters, webhook, reference, metadata };
      const job = await submitFilm(platform, tenant, reading, input);
      // Relative to /v1/jobs, because a gateway may add a path prefix (RFC 9110 10.2.2).
      const headers = { location: `jobs/${job.id}`, ...retryAfter(job) };
      return hasEnded(job) ? c.json(viewOf(job), 200, headers) : c.json(viewOf(job), 202, headers);
    },
    strictQuery(NewJob),
  );

  app.openapi(show, async (c) => {
    const { id } = c.req.valid('param');
    const job = await platform.jobs.get(id);
    if (job?.tenant !== c.get('tenant')) throw new Refusal({ code: 'job_not_found', id });
    return c.json(viewOf(job), 200, retryAfter(job));
  });

  app.openapi(stop, async (c) => {
    const { id } = c.req.valid('param');
    const known = await platform.jobs.get(id);
    const job = known?.tenant === c.get('tenant') ? await cancel(platform, id) : undefined;
    if (!job) throw new Refusal({ code: 'job_not_found', id });
    if (job.state !== 'cancelled') throw new Refusal({ code: 'job_ended', id, state: job.state });
    return c.json(viewOf(job), 200);
  });

  app.openapi(
    list,
    async (c) => {
      const { limit, cursor, state, kind } = c.req.valid('query');
      const kinds = kind ? [kind] : jobKinds.filter((name) => name !== 'webhook');
      const tenant = c.get('tenant');
      const found = await platform.jobs.list({ tenant, state, kinds, after: cursor, limit: limit + 1 });
      const { entries, next } = pageOf(found, limit);
      return c.json({ jobs: entries.map(viewOf), ...(next !== undefined && { next }) }, 200);
    },
    strictQuery(ListQuery),
  );
}
