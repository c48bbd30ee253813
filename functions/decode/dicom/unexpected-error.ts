import type { Fault } from '../../core/fault.ts';
import { fail } from '../../core/result.ts';

/** Receives an unexpected error of the DICOM decoder. */
export type Report = (error: unknown) => void;

/**
 * Report an unexpected error and return a fault of the file. The error is a bug of the decoder. But the same file would cause
 * the error again, so a fault of the service, which is retried, would be retried without end.
 */
export function unexpectedErrorFault(error: unknown, report: Report) {
  report(error);
  return fail<Fault>({ code: 'corrupt_image', problem: 'the file could not be parsed: unexpected structure' });
}

/** An image codec cannot run. This is a fault of the service, not of the film. */
export class CodecUnavailable extends Error {
  override name = 'CodecUnavailable';
}
