import type { Fault } from '../../../core/fault.ts';
import type { ReadingWarning } from '../../../core/warning.ts';

/** Ends the parsing of a header with a fault. */
export class HeaderError extends Error {
  override name = 'HeaderError';
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.code);
    this.fault = fault;
  }
}

/** The header is malformed or contradictory, and has no single meaning. */
export const unusable = (problem: string): HeaderError => new HeaderError({ code: 'unusable_header', problem });

/** The file ends before the end of its elements. */
export const truncated = (problem = 'the file ends within an element'): HeaderError =>
  new HeaderError({ code: 'corrupt_image', problem });

/** Receives a warning about the file. */
export type Warn = (warning: ReadingWarning) => void;

/** Maximum number of warnings per file. */
const maxWarnings = 24;

/** Collects the warnings of one file. Of several warnings with equal code and attribute, only the first is kept. */
export class Warnings {
  readonly list: ReadingWarning[];

  constructor(list: readonly ReadingWarning[] = []) {
    this.list = [...list];
  }

  readonly add: Warn = (warning) => {
    const known = this.list.some(({ code, attribute }) => code === warning.code && attribute === warning.attribute);
    if (!known && this.list.length < maxWarnings) this.list.push(warning);
  };
}
