import type { Fault } from '../../core/fault.ts';
import { fail } from '../../core/result.ts';

/** Told of an error that should not have happened while a file was read. */
export type Report = (error: unknown) => void;

/**
 * The answer where reading a file has thrown. It is a bug, and reported as one; but a file that brings it out is like no
 * film, and would do so again: as a fault of ours it would be tried again and again.
 */
export function bugIn(error: unknown, report: Report) {
  report(error);
  return fail<Fault>({ code: 'corrupt_image', problem: 'it is like no film that was ever seen here' });
}

/** A codec that cannot run: our fault, not the film's. */
export class CodecUnavailable extends Error {
  override name = 'CodecUnavailable';
}
