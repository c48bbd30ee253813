import type { Ms, Px } from './units.ts';

/** A finding whose target no variant reaches, and the best attainable variant. */
export type Shortfall = {
  readonly finding: string;
  readonly required: string;
  readonly best: { readonly variant: string; readonly attains: string } | null;
};

/** Everything that a caller, or the load that callers make, can cause. */
export type Fault =
  | { readonly code: 'empty_body' }
  | { readonly code: 'body_too_large'; readonly limitBytes: number }
  /** `fix` replaces the advice where the operation takes something other than a film. */
  | { readonly code: 'unsupported_media_type'; readonly received: string; readonly fix?: string }
  | { readonly code: 'unsupported_content_encoding'; readonly available: readonly string[] }
  | { readonly code: 'malformed_content_encoding' }
  | { readonly code: 'malformed_multipart'; readonly problem: string; readonly fix?: string }
  | { readonly code: 'not_an_image'; readonly declared: string }
  | { readonly code: 'media_type_mismatch'; readonly declared: string; readonly found: string }
  /** `found` names the format of the bytes. This format is not read. */
  | { readonly code: 'unsupported_image_format'; readonly found: string }
  | { readonly code: 'packed_file'; readonly found: string }
  /** An intact JPEG stream with a coding process that is not read from a JPEG file. */
  | { readonly code: 'unsupported_jpeg'; readonly process: string }
  /** The pixel data of a DICOM file has another coding than its transfer syntax names, and this coding is not read. */
  | { readonly code: 'mislabelled_stream'; readonly transferSyntax: string; readonly found: string }
  | { readonly code: 'corrupt_image'; readonly problem: string }
  | { readonly code: 'unusable_header'; readonly problem: string }
  | { readonly code: 'too_many_elements'; readonly limit: number }
  | { readonly code: 'too_many_pixels'; readonly width: Px; readonly height: Px; readonly limit: number }
  | { readonly code: 'too_small'; readonly shortSide: Px; readonly floor: Px }
  | { readonly code: 'colour_image'; readonly problem: string }
  | { readonly code: 'unsupported_transfer_syntax'; readonly transferSyntax: string; readonly known: readonly string[] }
  | { readonly code: 'unsupported_sop_class'; readonly sopClass: string; readonly known: readonly string[] }
  | { readonly code: 'multi_frame'; readonly frames: number }
  | { readonly code: 'not_frontal_view'; readonly view: string }
  | { readonly code: 'not_chest'; readonly bodyPart: string }
  | { readonly code: 'own_object'; readonly sopClass: string }
  | { readonly code: 'blank_image' }
  | { readonly code: 'not_a_frontal_chest'; readonly looksLike: string; readonly score: number }
  | { readonly code: 'invalid_parameter'; readonly parameter: string; readonly problem: string }
  /** `nearest` names the most similar known name, per parameter that has one. */
  | {
      readonly code: 'unknown_parameter';
      readonly parameters: readonly string[];
      readonly known: readonly string[];
      readonly nearest?: Readonly<Record<string, string>>;
    }
  | {
      readonly code: 'unknown_finding';
      readonly finding: string;
      readonly known: readonly string[];
      readonly nearest?: string;
    }
  | {
      readonly code: 'finding_not_served';
      readonly finding: string;
      readonly reason: string;
      readonly known: readonly string[];
    }
  | {
      readonly code: 'unknown_policy';
      readonly policy: string;
      readonly known: readonly string[];
      readonly nearest?: string;
    }
  | {
      readonly code: 'unknown_variant';
      readonly variant: string;
      readonly known: readonly string[];
      readonly nearest?: string;
    }
  | {
      readonly code: 'operating_point_not_measured';
      readonly operatingPoint: string;
      readonly finding: string;
      readonly variant: string;
      readonly available: readonly string[];
    }
  | { readonly code: 'unreachable_target'; readonly shortfalls: readonly Shortfall[] }
  | { readonly code: 'reading_not_found'; readonly id: string }
  | { readonly code: 'not_from_dicom'; readonly id: string }
  | { readonly code: 'heatmap_not_found'; readonly id: string; readonly finding: string }
  | { readonly code: 'upload_not_found'; readonly id: string }
  | { readonly code: 'job_not_found'; readonly id: string }
  | { readonly code: 'job_ended'; readonly id: string; readonly state: string }
  | { readonly code: 'malformed_json'; readonly problem: string }
  | { readonly code: 'malformed_stow'; readonly problem: string }
  | { readonly code: 'not_acceptable'; readonly available: readonly string[] }
  | { readonly code: 'unauthenticated'; readonly problem: string }
  | { readonly code: 'forbidden'; readonly scope: string }
  | { readonly code: 'webhook_not_allowed'; readonly tenant: string; readonly host: string }
  /** `cause`: the code of the error of the network, for the log. */
  | { readonly code: 'webhook_failed'; readonly problem: string; readonly waitMs?: Ms; readonly cause?: string }
  | { readonly code: 'webhook_refused'; readonly problem: string }
  | { readonly code: 'webhook_gone' }
  | { readonly code: 'unknown_pacs'; readonly pacs: string; readonly known: readonly string[] }
  | { readonly code: 'pacs_unavailable'; readonly problem: string; readonly cause?: string; readonly fix?: string }
  /** `setup`: the PACS refuses every request, because the configuration of one side is wrong. */
  | { readonly code: 'pacs_refused'; readonly problem: string; readonly setup?: true; readonly fix?: string }
  | { readonly code: 'film_gone' }
  | { readonly code: 'film_replaced' }
  | { readonly code: 'not_found'; readonly path: string }
  | { readonly code: 'malformed_http'; readonly problem: string }
  | { readonly code: 'headers_too_large'; readonly limit: number; readonly limitBytes: number }
  | { readonly code: 'request_too_slow'; readonly bytesPerSecond?: number }
  | { readonly code: 'method_not_allowed'; readonly allow: readonly string[] }
  /** `allow` is empty where the resource offers nothing. */
  | { readonly code: 'dicomweb_not_offered'; readonly allow: readonly string[] }
  | { readonly code: 'queue_full'; readonly retryAfterMs: Ms }
  | { readonly code: 'shutting_down'; readonly retryAfterMs: Ms }
  | { readonly code: 'deadline_exceeded'; readonly deadlineMs: Ms }
  | { readonly code: 'memory_exceeded'; readonly limitBytes: number }
  | { readonly code: 'client_gone' }
  | { readonly code: 'model_corrupt'; readonly variant: string; readonly problem: string }
  | { readonly code: 'model_unavailable'; readonly variant: string; readonly retryAfterMs: Ms }
  | { readonly code: 'inference_failed'; readonly problem: string }
  | { readonly code: 'store_unavailable'; readonly retryAfterMs: Ms }
  | {
      readonly code: 'throttled';
      readonly policy: string;
      readonly perMinute: number;
      readonly retryAfterMs: Ms;
    }
  | { readonly code: 'quota_exceeded'; readonly limitBytes: number }
  | { readonly code: 'internal' };

export type FaultCode = Fault['code'];
