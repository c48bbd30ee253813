import type { Ms, Px } from './units.ts';

/** The best a family can do for a finding whose target it misses. */
export type Shortfall = {
  readonly finding: string;
  readonly required: string;
  readonly best: { readonly variant: string; readonly attains: string } | null;
};

/** Everything that a caller, or the load that callers make, can cause. */
export type Fault =
  | { readonly code: 'empty_body' }
  | { readonly code: 'body_too_large'; readonly limitBytes: number }
  | { readonly code: 'unsupported_media_type'; readonly received: string }
  | { readonly code: 'malformed_multipart'; readonly problem: string }
  | { readonly code: 'not_an_image'; readonly declared: string }
  | { readonly code: 'media_type_mismatch'; readonly declared: string; readonly found: string }
  | { readonly code: 'corrupt_image'; readonly problem: string }
  | { readonly code: 'too_many_pixels'; readonly width: Px; readonly height: Px; readonly limit: number }
  | { readonly code: 'too_small'; readonly shortSide: Px; readonly floor: Px }
  | { readonly code: 'colour_image'; readonly problem: string }
  | { readonly code: 'blank_image' }
  | { readonly code: 'not_a_frontal_chest'; readonly looksLike: string; readonly score: number }
  | { readonly code: 'invalid_parameter'; readonly parameter: string; readonly problem: string }
  | { readonly code: 'unknown_parameter'; readonly parameters: readonly string[]; readonly known: readonly string[] }
  | { readonly code: 'unknown_finding'; readonly finding: string; readonly known: readonly string[] }
  | { readonly code: 'unknown_policy'; readonly policy: string; readonly known: readonly string[] }
  | { readonly code: 'unknown_variant'; readonly variant: string; readonly known: readonly string[] }
  | { readonly code: 'unreachable_target'; readonly shortfalls: readonly Shortfall[] }
  | { readonly code: 'reading_not_found'; readonly id: string }
  | { readonly code: 'not_found'; readonly path: string }
  | { readonly code: 'queue_full'; readonly retryAfterMs: Ms }
  | { readonly code: 'shutting_down'; readonly retryAfterMs: Ms }
  | { readonly code: 'deadline_exceeded'; readonly deadlineMs: Ms }
  | { readonly code: 'client_gone' }
  | { readonly code: 'model_corrupt'; readonly variant: string; readonly problem: string }
  | { readonly code: 'inference_failed'; readonly problem: string }
  | { readonly code: 'internal' };

export type FaultCode = Fault['code'];

/** What to tell the caller, and under which HTTP status. */
export type Advice = { readonly status: number; readonly title: string; readonly fix: string };

/** A new fault does not compile until it has advice. */
export const advice: Record<FaultCode, Advice> = {
  empty_body: {
    status: 400,
    title: 'The request has no body',
    fix: 'Send the bytes of one radiograph, for example with curl --data-binary @film.png.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    fix: 'Send at most limitBytes: a losslessly compressed film, not an uncompressed export.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'This media type is not read',
    fix: 'Set Content-Type to image/png or image/jpeg, or send multipart/form-data with one part named image.',
  },
  malformed_multipart: {
    status: 400,
    title: 'The multipart body cannot be read',
    fix: 'Send multipart/form-data with exactly one file part named image, for example with curl -F image=@film.png.',
  },
  not_an_image: {
    status: 415,
    title: 'The body is not an image',
    fix: 'Send the bytes of a PNG or JPEG file as they are on disk, not text, Base64 or a path.',
  },
  media_type_mismatch: {
    status: 415,
    title: 'The body is not what Content-Type says',
    fix: 'Set Content-Type to the type that was found, or send the file you meant.',
  },
  corrupt_image: {
    status: 422,
    title: 'The image is damaged',
    fix: 'The file is truncated or broken: export it again, and compare its size with the original.',
  },
  too_many_pixels: {
    status: 413,
    title: 'The image has too many pixels',
    fix: 'Send the film itself; no radiograph detector makes an image this large.',
  },
  too_small: {
    status: 422,
    title: 'The image is too small',
    fix: 'Send the original film, not a thumbnail.',
  },
  colour_image: {
    status: 422,
    title: 'The image is in colour',
    fix: 'Send the gray film itself, without coloured annotations, and not a photograph of it.',
  },
  blank_image: {
    status: 422,
    title: 'The image is blank',
    fix: 'All pixels are nearly the same. Check the export, above all its window and bit depth.',
  },
  not_a_frontal_chest: {
    status: 422,
    title: 'Not an upright frontal chest radiograph',
    fix: 'Send one upright PA or AP chest film with bone white on black. looksLike says what it resembles: rotate a sideways film, invert an inverted one.',
  },
  invalid_parameter: {
    status: 400,
    title: 'A parameter has a wrong value',
    fix: 'Correct the named parameter; /docs lists what each one takes.',
  },
  unknown_parameter: {
    status: 400,
    title: 'Unknown parameter',
    fix: 'Remove it or correct its spelling; known lists the parameters of this resource.',
  },
  unknown_finding: {
    status: 400,
    title: 'Unknown finding',
    fix: 'Spell findings as known lists them.',
  },
  unknown_policy: {
    status: 400,
    title: 'Unknown policy',
    fix: 'Choose one of the policies in known.',
  },
  unknown_variant: {
    status: 400,
    title: 'Unknown variant',
    fix: 'Choose one of the variants in known; GET /v1/catalog describes them.',
  },
  unreachable_target: {
    status: 422,
    title: 'No variant meets the target',
    fix: 'Lower the target, ask for fewer findings, or send bestEffort=true to be answered by the best there is, flagged.',
  },
  reading_not_found: {
    status: 404,
    title: 'No such reading',
    fix: 'Check the id. A reading is found only on the service that stored it.',
  },
  not_found: {
    status: 404,
    title: 'No such resource',
    fix: 'See /docs for the resources of this service.',
  },
  queue_full: {
    status: 503,
    title: 'The service is busy',
    fix: 'Retry after the seconds in Retry-After. Retries are safe: the same film and request give the same reading.',
  },
  shutting_down: {
    status: 503,
    title: 'The service is stopping',
    fix: 'Retry: another instance or the next start answers. Retries are safe.',
  },
  deadline_exceeded: {
    status: 504,
    title: 'The reading took too long',
    fix: 'Retry later, or ask for fewer findings.',
  },
  client_gone: {
    status: 499,
    title: 'The client closed the request',
    fix: 'Retry: retries are safe.',
  },
  model_corrupt: {
    status: 503,
    title: 'A model file is not what the catalog says',
    fix: 'The operator restores the file (alara catalog verify names it). It was not used.',
  },
  inference_failed: {
    status: 500,
    title: 'The model could not be run',
    fix: 'Retry once. If it fails again, report it with the request id.',
  },
  internal: {
    status: 500,
    title: 'Something failed on our side',
    fix: 'Retry once. If it fails again, report it with the request id.',
  },
};
