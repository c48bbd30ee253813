import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { parseAccept } from 'hono/utils/accept';
import type { Fault, FaultCode } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { isUidText, uidTextSchema } from '../../core/uid.ts';
import { isPart10, signatureBytes } from '../../decode/sniff.ts';
import type { Lease } from '../../platform/memory-budget.ts';
import { contentType, MultipartError, type Part, partsOf } from '../../platform/multipart.ts';
import { parseParameters } from '../../routing/parameters.ts';
import type { Deps } from '../deps.ts';
import { bodyOf, genericMediaTypes, reserveOnArrival } from '../http/body.ts';
import { Refusal, unwrap } from '../http/problem.ts';
import { countFilms } from '../http/rate-limit.ts';
import { problemResponses } from '../http/responses.ts';
import { tagNames } from '../http/tags.ts';
import { nativeDicomModel } from './native-dicom.ts';
import { type Reception, receive, type StoredFilm } from './receive.ts';
import { failureReasons, type Stored, StoreResponse, storeResponse, storeStatus } from './response.ts';
import { submitStudies } from './submit.ts';

const dicomJson = 'application/dicom+json';
const dicomXml = 'application/dicom+xml';
const dicom = 'application/dicom';
const stowTypes =
  'Set Content-Type to multipart/related; type="application/dicom"; boundary=… (PS3.18 10.5), the parameter type included, with one instance per part; or to application/dicom for a body that is one instance.';
/** The most parts per request, more than any study of radiographs has. A sender with more instances sends several requests. */
const maxParts = 5000;

const nativeModel = z
  .string()
  .meta({ description: 'The Store Instances Response in XML: the Native DICOM Model (PS3.19 A.1)' });
const monitor = {
  Link: {
    description: 'The address of each job, with rel="monitor", relative to the address of the request (RFC 8288).',
    schema: { type: 'string' },
    example: '<../v1/jobs/job_4b1f0c>; rel="monitor"',
  },
} as const;
const answer = (description: string) => ({
  description,
  headers: monitor,
  content: { [dicomJson]: { schema: StoreResponse }, [dicomXml]: { schema: nativeModel } },
});

const responses = (...codes: FaultCode[]) => ({
  200: answer('All instances were accepted'),
  202: answer('Some instances were accepted. Others failed, or were discarded because their kind is not read'),
  409: answer('No instance was accepted'),
  ...problemResponses(
    'malformed_stow',
    'not_acceptable',
    'unsupported_media_type',
    'quota_exceeded',
    'queue_full',
    'shutting_down',
    ...codes,
  ),
});

const common = {
  method: 'post',
  summary: 'Store instances (STOW-RS)',
  description:
    'PS3.18 10.5. One job per study reads the frontal chest films. The Link header names the job. Results go to the configured PACS. The service is no archive: no instance can be retrieved, and films are removed after they are read.',
} as const;

const body = {
  required: true,
  content: {
    'multipart/related': { schema: { type: 'string', format: 'binary' } },
    'application/dicom': { schema: { type: 'string', format: 'binary' } },
  },
} as const;

const any = createRoute({
  ...common,
  path: '/dicom-web/studies',
  operationId: 'storeInstances',
  tags: [tagNames.pacs],
  responses: responses(),
  request: { query: z.strictObject({}), body },
});

const ofStudy = createRoute({
  ...common,
  path: '/dicom-web/studies/{study}',
  operationId: 'storeInstancesOfStudy',
  tags: [tagNames.pacs],
  summary: 'Store instances of one study (STOW-RS)',
  description: `${common.description} Instances of another study fail with Failure Reason 43264 (A900).`,
  responses: responses('invalid_parameter'),
  request: {
    query: z.strictObject({}),
    params: z.object({
      study: z
        .string()
        .refine(isUidText, 'expected a Study Instance UID')
        .meta({
          ...uidTextSchema,
          description: 'The Study Instance UID of all instances.',
          example: '1.2.840.113619.2.55.3',
        }),
    }),
    body,
  },
});

/** STOW-RS: decides about each instance by itself, and answers when the accepted instances are stored and their jobs will run. */
export function stow(app: OpenAPIHono, deps: Deps): void {
  const usual = unwrap(parseParameters({}, deps.router.vocabulary));

  async function store(c: Context, study: string | undefined) {
    const mediaType = unwrap(responseType(c.req.header('accept') ?? ''));
    const { signal } = c.req.raw;
    const tenant = c.get('tenant');
    const to = deps.pacs.stowOf(tenant);
    // The request of the PACS that receives the results: a film that came by polling then has the same reading and job.
    const reception = { tenant, study, request: to?.request ?? usual, signal };
    const { queueFull } = deps.budget;
    const stored = await deps.budget.runNow(tenant, 0, async (lease) => {
      const chunks = reserveOnArrival(bodyOf(c), deps.platform.blobs.heldBytes, { lease, queueFull });
      const parts = unwrap(instancesOf(c.req.header('content-type') ?? '', chunks));
      return ok(await storeParts(deps, reception, parts, lease));
    });
    const { results, films } = unwrap(stored);
    countFilms(c, deps, films.length);
    const jobs = await submitStudies(deps.platform, tenant, to, films);
    const counts = Object.fromEntries(
      Map.groupBy(results, ({ kind }) => kind)
        .entries()
        .map(([kind, of]) => [kind, of.length]),
    );
    deps.log.info({ requestId: c.get('requestId'), ...counts }, 'instances came by STOW-RS');
    // Relative to the called address (RFC 8288 3.1), because a gateway may have put a prefix before it.
    const root = study === undefined ? '..' : '../..';
    for (const id of jobs) c.header('link', `<${root}/v1/jobs/${id}>; rel="monitor"`, { append: true });
    const response = storeResponse(results);
    const text = mediaType === dicomXml ? nativeDicomModel(response) : JSON.stringify(response);
    return c.body(text, storeStatus(results), { 'content-type': mediaType });
  }

  app.openapi(any, (c) => store(c, undefined));
  app.openapi(ofStudy, (c) => store(c, c.req.valid('param').study));
}

/**
 * Store the films of a request. Returns the result per part and the stored films. If the request itself is broken or refused, no
 * film stays stored, because its sender sends all of it again.
 */
async function storeParts(deps: Deps, reception: Reception, parts: AsyncIterable<Part>, lease: Lease) {
  const results: Stored[] = [];
  const films: StoredFilm[] = [];
  let busy: Fault | undefined;
  try {
    for await (const part of parts) {
      if (results.length === maxParts)
        throw new MultipartError(`it has more than ${maxParts} parts: send several requests`);
      const received = await receive(deps, reception, part, lease);
      // No other part has a result yet: refuse the request before the rest of its body is read.
      if (received.busy && results.length === 0) throw new Refusal(received.busy);
      const { film } = received;
      const other = films.find(({ sopInstanceUid }) => sopInstanceUid === film?.sopInstanceUid);
      if (film && other && other.reading !== film.reading) {
        // Two different films with one SOP Instance UID: nobody could tell which of the two a result describes.
        await deps.platform.blobs.remove(film.blob);
        results.push({ kind: 'failed', reason: failureReasons.processingFailure, object: received.stored.object });
        continue;
      }
      results.push(received.stored);
      if (film) films.push(film);
      busy ??= received.busy;
    }
    if (results.length === 0) throw new MultipartError('it has no parts');
    // The request is sound, and the service was busy: the sender repeats the whole request.
    if (busy && storeStatus(results) === 409) throw new Refusal(busy);
  } catch (error) {
    await Promise.all(films.map(({ blob }) => deps.platform.blobs.remove(blob)));
    if (error instanceof MultipartError) throw new Refusal({ code: 'malformed_stow', problem: error.message });
    throw reception.signal.aborted ? new Refusal({ code: 'client_gone' }) : error;
  }
  return { results, films };
}

/** The media types of an answer, and the names that senders use for them. DICOM JSON is the default (PS3.18 8.7.3.2). */
const responseTypes = [
  [dicomJson, [dicomJson, 'application/json']],
  [dicomXml, [dicomXml, 'application/xml', 'text/xml']],
] as const;

/** The media type that the sender prefers. Of several matching ranges, the most specific one counts (RFC 9110 12.5.1). */
function responseType(accept: string): Result<typeof dicomJson | typeof dicomXml, Fault> {
  const ranges = parseAccept(accept.trim() || '*/*').map(({ type, q }) => ({ type: type.toLowerCase(), q }));
  const quality = (names: readonly string[]) =>
    [names, ['application/*'], ['*/*', '*']]
      .map((matching) => ranges.find(({ type }) => matching.includes(type)))
      .find((range) => range !== undefined)?.q ?? 0;
  const [best] = responseTypes
    .map(([mediaType, names]) => ({ mediaType, q: quality(names) }))
    .filter(({ q }) => q > 0)
    .toSorted((a, b) => b.q - a.q);
  return best ? ok(best.mediaType) : fail({ code: 'not_acceptable', available: [dicomJson, dicomXml] });
}

/** The instances of a request as they arrive: the parts of a multipart body, or the body itself if it is one instance. */
function instancesOf(header: string, body: AsyncIterable<Uint8Array>): Result<AsyncIterable<Part>, Fault> {
  const { type, parameters } = contentType(header);
  if (type === dicom) return ok(onlyInstance(body));
  // Some senders write the transfer syntax inside the quotes of the parameter `type`.
  const { type: partType } = contentType(parameters.get('type') ?? '');
  const received = [type || 'none', ...(partType === '' ? [] : [`type="${partType}"`])].join('; ');
  const unsupported: Fault = { code: 'unsupported_media_type', received, fix: stowTypes };
  if (genericMediaTypes.includes(type)) return ok(onlyInstance(part10Or(unsupported, body)));
  if (type !== 'multipart/related' || partType !== dicom) return fail(unsupported);
  const boundary = parameters.get('boundary') ?? '';
  // RFC 2046 5.1.1 allows 70 characters of a smaller set. Orthanc sends 73 characters, and other senders send braces.
  if (!/^[ -~]{0,199}[!-~]$/.test(boundary))
    return fail({ code: 'malformed_stow', problem: 'its Content-Type has no usable boundary' });
  return ok(partsOf(body, boundary));
}

async function* onlyInstance(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
  yield { mediaType: dicom, name: undefined, bytes };
}

/** The bytes of a body that begins like a DICOM file. Another body is refused. */
async function* part10Or(refusal: Fault, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of body) {
    if (!start) {
      yield chunk;
      continue;
    }
    start = Buffer.concat([start, chunk]);
    if (start.length < signatureBytes) continue;
    if (!isPart10(start)) break;
    yield start;
    start = undefined;
  }
  if (start) throw new Refusal(refusal);
}
