import { z } from '@hono/zod-openapi';
import { tags } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import type { FileMeta } from '../../decode/dicom/parse/meta-group.ts';

/** PS3.18 table I.2-2, and C122 for the transfer syntax. */
export const failureReasons = {
  outOfResources: 0xa700,
  otherStudy: 0xa900,
  /** PS3.18 gives A900 a second meaning: Data Set does not match SOP Class. */
  otherSopClass: 0xa900,
  cannotUnderstand: 0xc000,
  unsupportedTransferSyntax: 0xc122,
  processingFailure: 0x0110,
} as const;

/** PS3.18 table I.2-1: B006, elements discarded. Here, the whole object is discarded. */
const discarded = 0xb006;

/** The result of one instance of a store request. */
export type Stored =
  | { readonly kind: 'taken' | 'discarded'; readonly object: FileMeta }
  | { readonly kind: 'failed'; readonly reason: number; readonly object: FileMeta | undefined };

const Element = z.object({
  vr: z.string().meta({ description: 'The value representation (PS3.5).', example: 'UI' }),
  Value: z.array(z.unknown()).optional().meta({ description: 'The values. Absent for an empty attribute.' }),
});
export const StoreResponse = z.record(z.string(), Element).meta({
  id: 'StoreInstancesResponse',
  description:
    'The Store Instances Response Module (PS3.18 annex I) in the DICOM JSON model. 00081199: accepted, or, with Warning Reason 45062 (B006), an object of a kind that is not read and was discarded. 00081198 and 0008119A: failed, each with its Failure Reason.',
});
export type StoreResponse = z.infer<typeof StoreResponse>;

/** PS3.18 table 10.5.3-1. */
export function storeStatus(results: readonly Stored[]): 200 | 202 | 409 {
  if (results.every(({ kind }) => kind === 'failed')) return 409;
  return results.every(({ kind }) => kind === 'taken') ? 200 : 202;
}

/**
 * The Store Instances Response with the result per instance (PS3.18 annex I). Retrieve URL is of type 2 and stays empty, because
 * the service is no archive and no instance can be retrieved.
 */
export function storeResponse(results: readonly Stored[]): StoreResponse {
  const noUrl = { [tags.retrieveUrl]: { vr: 'UR' } };
  const referenced = results.flatMap((result) =>
    result.kind === 'failed'
      ? []
      : [
          {
            ...reference(result.object),
            ...noUrl,
            ...(result.kind === 'discarded' && { [tags.warningReason]: number(discarded) }),
          },
        ],
  );
  const failures = results.filter((result) => result.kind === 'failed');
  const failed = failures.flatMap(({ object, reason }) =>
    object ? [{ ...reference(object), [tags.failureReason]: number(reason) }] : [],
  );
  // An instance without a readable SOP Instance UID, because the part is no DICOM file or a broken one.
  const other = failures.flatMap(({ object, reason }) => (object ? [] : [{ [tags.failureReason]: number(reason) }]));
  return {
    ...noUrl,
    ...(failed.length > 0 && { [tags.failedSopSequence]: { vr: 'SQ', Value: failed } }),
    ...(referenced.length > 0 && { [tags.referencedSopSequence]: { vr: 'SQ', Value: referenced } }),
    ...(other.length > 0 && { [tags.otherFailuresSequence]: { vr: 'SQ', Value: other } }),
  };
}

const number = (value: number) => ({ vr: 'US', Value: [value] });
const reference = ({ sopClassUid, sopInstanceUid }: FileMeta) => ({
  [tags.referencedSopClassUid]: { vr: 'UI', Value: [sopClassUid] },
  [tags.referencedSopInstanceUid]: { vr: 'UI', Value: [sopInstanceUid] },
});

/**
 * The answer to a refused instance: discarded with a warning, or failed for a reason.
 *
 * A PACS that forwards whole studies also sends lateral views, reports and presentation states. It repeats an instance without end
 * after a failure, and Orthanc regards a study as failed if one item is missing from the Referenced SOP Sequence. A sound object of
 * a kind that is not read is therefore acknowledged with a warning, and discarded. An object fails if it is broken, if the service
 * was busy, or if it could be read in another transfer syntax: a film must never be lost behind a success. `object` is the
 * identity of the instance in the file meta information. If the data set contradicts it, the header is broken.
 */
export function answerTo(fault: Fault, object: FileMeta | undefined): 'discarded' | number {
  switch (fault.code) {
    case 'unsupported_sop_class':
    case 'own_object':
      if (!object) return failureReasons.cannotUnderstand;
      return fault.sopClass.split(' ')[0] === object.sopClassUid ? 'discarded' : failureReasons.otherSopClass;
    case 'not_frontal_view':
    case 'not_chest':
    case 'multi_frame':
    case 'colour_image':
    case 'too_small':
      return object ? 'discarded' : failureReasons.cannotUnderstand;
    case 'unsupported_transfer_syntax':
    case 'unsupported_jpeg':
      return failureReasons.unsupportedTransferSyntax;
    case 'empty_body':
    case 'not_an_image':
    case 'media_type_mismatch':
    case 'unsupported_image_format':
    case 'packed_file':
    case 'mislabelled_stream':
    case 'corrupt_image':
    case 'unusable_header':
    case 'too_many_elements':
      return failureReasons.cannotUnderstand;
    case 'too_many_pixels':
    case 'body_too_large':
    case 'queue_full':
    case 'shutting_down':
    case 'deadline_exceeded':
    case 'memory_exceeded':
      return failureReasons.outOfResources;
    default:
      return failureReasons.processingFailure;
  }
}
