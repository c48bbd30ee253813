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

/** The header contradicts itself, and what it means would be a guess. */
export const unusable = (problem: string): HeaderError => new HeaderError({ code: 'unusable_header', problem });

/** The file ends before its elements do. */
export const truncated = (problem = 'the file ends before the last of its elements does'): HeaderError =>
  new HeaderError({ code: 'corrupt_image', problem });

/** Takes a warning about the file. */
export type Warn = (warning: ReadingWarning) => void;

/** More warnings than this say no more. */
const maxWarnings = 24;

/** Warnings of one file: of each code and attribute the first. */
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
