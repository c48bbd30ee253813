import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { isUid } from '../pacs/dicomweb-json.ts';
import type { Fault } from '../pipeline/fault.ts';
import { parseParameters } from '../pipeline/parameters.ts';
import { fail, ok, type Result } from '../pipeline/result.ts';
import type { Lease } from '../platform/budget.ts';
import type { Deps } from './deps.ts';
import { contentType, MultipartError, partsOf } from './multipart.ts';
import { accept, Refusal } from './problem.ts';
import { answers } from './responses.ts';
import { failureReasons, type Stored, StoreResponse, storeResponse, storeStatus } from './store-response.ts';
import { type Kept, type Reception, receive, receptionBytes } from './stow-instance.ts';
import { submitStudies } from './stow-jobs.ts';

const dicomJson = 'application/dicom+json';
/** More than any study of radiographs; a sender with more of them sends several requests. */
const maxParts = 5000;

const answer = (description: string) => ({ description, content: { [dicomJson]: { schema: StoreResponse } } });

const common = {
  method: 'post',
  summary: 'Store instances (STOW-RS)',
  description:
    'PS3.18 10.5. The frontal chest films are read by one job a study: Link names it. Results go to the PACS that is configured for them. This is no archive: nothing can be retrieved, and films are removed once they are read.',
  responses: {
    200: answer('All instances were taken on'),
    202: answer('Some were taken on; others failed, or are not read and were discarded'),
    409: answer('None was taken on'),
    ...answers(400, 406, 415, 429, 503),
  },
} as const;

const body = {
  required: true,
  content: { 'multipart/related': { schema: { type: 'string', format: 'binary' } } },
} as const;

const any = createRoute({
  ...common,
  path: '/dicom-web/studies',
  request: { query: z.strictObject({}), body },
});

const ofStudy = createRoute({
  ...common,
  path: '/dicom-web/studies/{study}',
  description: `${common.description} Instances of another study fail with Failure Reason 43264 (A900).`,
  request: {
    query: z.strictObject({}),
    params: z.object({ study: z.string().refine(isUid, 'expected a Study Instance UID') }),
    body,
  },
});

/** STOW-RS: takes instances on, each for itself, and answers once those it has taken cannot be lost any more. */
export function stow(app: OpenAPIHono, deps: Deps): void {
  const usual = accept(parseParameters({}, deps.router.vocabulary));

  async function store(c: Context, study: string | undefined) {
    acceptable(c.req.header('accept'));
    const boundary = accept(boundaryOf(c.req.header('content-type') ?? ''));
    const { body, signal } = c.req.raw;
    if (!body) throw new Refusal({ code: 'malformed_stow', problem: 'the request has no body' });
    const tenant = c.get('tenant');
    const to = deps.pacs.stowOf(tenant);
    // As the PACS that gets the results has its films read: then the readings, and the job, are those.
    const reception = { tenant, study, request: to?.request ?? usual, signal };
    const taken = await deps.budget.now(receptionBytes(deps), async (lease) =>
      ok(await take(deps, reception, body, boundary, lease)),
    );
    const { results, kept } = accept(taken);
    const jobs = await submitStudies(deps.platform, tenant, to, kept);
    const counts = Object.fromEntries(
      Map.groupBy(results, ({ kind }) => kind)
        .entries()
        .map(([kind, of]) => [kind, of.length]),
    );
    deps.log.info({ requestId: c.get('requestId'), ...counts }, 'instances came by STOW-RS');
    // From the address that was called, wherever that is: a gateway may have put something before it (RFC 8288 3.1).
    const root = study === undefined ? '..' : '../..';
    for (const id of jobs) c.header('link', `<${root}/v1/jobs/${id}>; rel="monitor"`, { append: true });
    return c.json(storeResponse(results), storeStatus(results), { 'content-type': dicomJson });
  }

  app.openapi(any, (c) => store(c, undefined));
  app.openapi(ofStudy, (c) => store(c, c.req.valid('param').study));
}

/** What became of every part, and the films that were kept of it: all that could be, or none of a broken request. */
async function take(
  deps: Deps,
  reception: Reception,
  body: ReadableStream<Uint8Array>,
  boundary: string,
  lease: Lease,
) {
  const results: Stored[] = [];
  const kept: Kept[] = [];
  let busy: Fault | undefined;
  try {
    for await (const part of partsOf(body, boundary)) {
      if (results.length === maxParts)
        throw new MultipartError(`it has more than ${maxParts} parts: send several requests`);
      const received = await receive(deps, reception, part, lease);
      const twin = kept.find(({ sopInstanceUid }) => sopInstanceUid === received.kept?.sopInstanceUid);
      if (received.kept && twin && twin.reading !== received.kept.reading) {
        // Two films under one SOP Instance UID would have one result: which of them it is about could not be told.
        await deps.platform.blobs.remove(received.kept.blob);
        results.push({ kind: 'failed', reason: failureReasons.processingFailure, object: received.stored.object });
        continue;
      }
      results.push(received.stored);
      if (received.kept) kept.push(received.kept);
      busy ??= received.busy;
    }
    if (results.length === 0) throw new MultipartError('it has no parts');
    // Nothing is wrong with it: the request as a whole is to come again.
    if (busy && storeStatus(results) === 409) throw new Refusal(busy);
  } catch (error) {
    // Its sender sends all of it again.
    await Promise.all(kept.map(({ blob }) => deps.platform.blobs.remove(blob)));
    if (error instanceof MultipartError) throw new Refusal({ code: 'malformed_stow', problem: error.message });
    throw reception.signal.aborted ? new Refusal({ code: 'client_gone' }) : error;
  }
  return { results, kept };
}

/** The answer is made in DICOM JSON, the default media type of DICOM web services (PS3.18 8.7.3.2), and not in XML. */
function acceptable(header: string | undefined): void {
  const takes = (type: string) => ['*/*', 'application/*', dicomJson, 'application/json'].includes(type);
  const asked = (header ?? '*/*').split(',').map((one) => contentType(one.trim()).type);
  if (!asked.some(takes)) throw new Refusal({ code: 'not_acceptable', available: [dicomJson] });
}

function boundaryOf(header: string): Result<string, Fault> {
  const { type, parameters } = contentType(header);
  const inner = parameters.get('type')?.toLowerCase();
  if (type !== 'multipart/related' || inner !== 'application/dicom')
    return fail({ code: 'unsupported_media_type', received: header || 'none' });
  const boundary = parameters.get('boundary') ?? '';
  // RFC 2046 5.1.1 allows 70 characters; Orthanc sends 73.
  if (!/^[\w'()+,./:=? -]{0,199}[\w'()+,./:=?-]$/.test(boundary))
    return fail({ code: 'malformed_stow', problem: 'its Content-Type has no usable boundary' });
  return ok(boundary);
}
