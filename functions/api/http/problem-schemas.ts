import { z } from 'zod';
import type { Fault, FaultCode } from '../../core/fault.ts';
import { advice } from '../../core/fault-status.ts';

type Plain<Value> = Value extends number ? number : Value;
type MembersOf<Code extends FaultCode> = {
  readonly [Member in Exclude<keyof Extract<Fault, { code: Code }>, 'code' | 'fix'>]-?: z.ZodType<
    Plain<Extract<Fault, { code: Code }>[Member]>
  >;
};

const text = (description: string, example?: string) =>
  z.string().meta({ description, ...(example !== undefined && { example }) });
const list = (description: string) => z.array(z.string()).meta({ description });
const whole = (description: string, example?: number) =>
  z.int().meta({ description, ...(example !== undefined && { example }) });
const limitBytes = whole('The limit in bytes.', 32_000_000);
const problem = text('What is wrong, in one sentence.');
const declared = text('The media type that the request declared.', 'image/png');
const retryAfterMs = whole('The time to wait in milliseconds. Retry-After has the same time in seconds.', 1000);
const id = text('The id that was asked for.');
const sopClass = text('The SOP class of the instance.');
const cause = text('The code of the error of the network, for the operator.', 'ECONNREFUSED').optional();
const nearest = text('The most similar name of known.', 'Nodule').optional();
const allow = list('The methods that the resource offers.');

/** The members of each problem, beside those that every problem has. A new fault does not compile until its members are described. */
const members: { readonly [Code in FaultCode]: MembersOf<Code> } = {
  empty_body: {},
  body_too_large: { limitBytes },
  unsupported_media_type: { received: text('The media type of the request.', 'text/plain') },
  unsupported_content_encoding: { available: list('The content codings that are decoded.') },
  malformed_content_encoding: {},
  malformed_multipart: { problem },
  not_an_image: { declared },
  media_type_mismatch: { declared, found: text('The media type of the bytes.', 'image/jpeg') },
  unsupported_image_format: { found: text('The format of the bytes.', 'TIFF') },
  packed_file: { found: text('The format of the archive.', 'ZIP') },
  unsupported_jpeg: { process: text('The coding process of the JPEG stream.', 'lossless') },
  mislabelled_stream: {
    transferSyntax: text('The transfer syntax that the file names.'),
    found: text('The coding of the pixel data.'),
  },
  corrupt_image: { problem },
  unusable_header: { problem },
  too_many_elements: { limit: whole('The most tags, lengths and fragments of one file that are read.') },
  too_many_pixels: {
    width: whole('The width of the image in pixels.'),
    height: whole('The height of the image in pixels.'),
    limit: whole('The most pixels of one image that are read.'),
  },
  too_small: {
    shortSide: whole('The short side of the image in pixels.', 120),
    floor: whole('The least short side in pixels that is read.', 224),
  },
  colour_image: { problem },
  unsupported_transfer_syntax: {
    transferSyntax: text('The transfer syntax of the instance.', '1.2.840.10008.1.2.4.100'),
    known: list('The transfer syntaxes that are read.'),
  },
  unsupported_sop_class: { sopClass, known: list('The SOP classes that are read.') },
  multi_frame: { frames: whole('The number of frames of the instance.', 2) },
  not_frontal_view: { view: text('The view that the header names.', 'LATERAL') },
  not_chest: { bodyPart: text('The body part that the header names.', 'HAND') },
  own_object: { sopClass },
  blank_image: {},
  not_a_frontal_chest: {
    looksLike: text('The class of images that the image resembles most.', 'sideways'),
    score: z.number().meta({ description: 'The score of an upright frontal chest film, from 0 to 1.', example: 0.02 }),
  },
  invalid_parameter: { parameter: text('The name of the parameter.', 'minAuroc'), problem },
  unknown_parameter: {
    parameters: list('The parameters that are not known.'),
    known: list('The parameters of this resource.'),
    nearest: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'The most similar name of known, per parameter that has one.' }),
  },
  unknown_finding: {
    finding: text('The finding that is not known.', 'Gout'),
    known: list('The findings of the family.'),
    nearest,
  },
  finding_not_served: {
    finding: text('The finding that is not served.'),
    reason: text('Why the family does not serve the finding.'),
    known: list('The findings that are served.'),
  },
  unknown_policy: {
    policy: text('The policy that is not known.'),
    known: list('The policies of the family.'),
    nearest,
  },
  unknown_variant: {
    variant: text('The variant that is not known.'),
    known: list('The variants of the family.'),
    nearest,
  },
  operating_point_not_measured: {
    operatingPoint: text('The operating point that was asked for.', 'sensitive'),
    finding: text('The finding that lacks it.', 'Nodule'),
    variant: text('The variant that would read the finding.', 'r448-int8'),
    available: list('The operating points that the variant has for the finding.'),
  },
  unreachable_target: {
    shortfalls: z
      .array(
        z.object({
          finding: text('The finding whose target no variant reaches.', 'Nodule'),
          required: text('The target, in words.'),
          best: z
            .object({
              variant: text('The variant that comes closest.', 'r448-int8'),
              attains: text('What the variant attains, in words.'),
            })
            .nullable()
            .meta({ description: 'The best attainable variant; null if no variant was measured.' }),
        }),
      )
      .meta({ description: 'The findings whose target no variant reaches.' }),
  },
  reading_not_found: { id },
  not_from_dicom: { id },
  heatmap_not_found: { id, finding: text('The finding that was asked for.', 'Nodule') },
  upload_not_found: { id },
  job_not_found: { id },
  job_ended: { id, state: text('The state of the job.', 'done') },
  malformed_json: { problem },
  malformed_stow: { problem },
  not_acceptable: { available: list('The media types that are available.') },
  unauthenticated: { problem },
  forbidden: { scope: text('The scopes of which the key needs one.', 'readings or jobs') },
  webhook_not_allowed: {
    tenant: text('The tenant of the API key.', 'north'),
    host: text('The host that must be allowed first.', 'ris.example.org'),
  },
  webhook_failed: {
    problem,
    waitMs: whole('The pause before the next webhook in milliseconds.').optional(),
    cause,
  },
  webhook_refused: { problem },
  webhook_gone: {},
  unknown_pacs: { pacs: text('The name that is not known.'), known: list('The PACS of your tenant.') },
  pacs_unavailable: { problem, cause },
  pacs_refused: {
    problem,
    setup: z.literal(true).optional().meta({ description: 'The configuration of one side is wrong.' }),
  },
  film_gone: {},
  film_replaced: {},
  not_found: { path: text('The path that was asked for.', '/v1/none') },
  malformed_http: { problem },
  headers_too_large: { limit: whole('The most headers of one request.', 100), limitBytes },
  request_too_slow: {
    bytesPerSecond: whole('The least average rate of a body in bytes per second.').optional(),
  },
  method_not_allowed: { allow },
  dicomweb_not_offered: { allow },
  queue_full: { retryAfterMs },
  shutting_down: { retryAfterMs },
  deadline_exceeded: { deadlineMs: whole('The time limit of one reading in milliseconds.', 30_000) },
  memory_exceeded: { limitBytes },
  client_gone: {},
  model_corrupt: { variant: text('The variant whose model file is wrong.'), problem },
  model_unavailable: { variant: text('The variant whose model is missing.'), retryAfterMs },
  inference_failed: { problem },
  store_unavailable: { retryAfterMs },
  throttled: {
    policy: text('The limit that was reached: films, or other requests.', 'films'),
    perMinute: whole('The limit per key and minute.', 60),
    retryAfterMs,
  },
  quota_exceeded: { limitBytes },
  internal: {},
};

/** The name of a code's schema: `TooSmallProblem` for `too_small`. */
const schemaName = (code: FaultCode) =>
  `${code.replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())}Problem`;

const schemaOf = (code: FaultCode) =>
  z
    .object({
      type: z.literal(`/problems/${code}`).meta({ description: 'The address of a page about this problem.' }),
      title: text('The problem in words. The words may change.', advice[code].title),
      status: z.literal(advice[code].status).meta({ description: 'The HTTP status.' }),
      code: z.literal(code).meta({ description: 'Stable: switch on this.' }),
      fix: text('How to correct the problem. The words may change.', advice[code].fix),
      ...members[code],
      requestId: text('The id of the request, as in X-Request-Id and in the log.'),
    })
    .meta({ id: schemaName(code), description: `${advice[code].title}. Problem details (RFC 9457).` });

const schemas = new Map<FaultCode, ReturnType<typeof schemaOf>>();

/** The schema of one code's problem. */
export function problemSchema(code: FaultCode): ReturnType<typeof schemaOf> {
  const schema = schemas.get(code) ?? schemaOf(code);
  schemas.set(code, schema);
  return schema;
}
