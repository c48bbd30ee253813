import type { Fault } from '../core/fault.ts';
import { type Advice, advice } from '../core/fault-status.ts';
import { inPlainWords } from '../core/plain-words.ts';
import { detailsText } from '../core/problem.ts';
import type { Result } from '../core/result.ts';
import { CatalogError } from '../models/catalog-error.ts';
import { ConfigError } from '../platform/config.ts';
import { StoreUnavailable } from '../platform/store-unavailable.ts';

/** A wrong command line. The message says how to correct it. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The faults of one film on disk. */
export type FilmFault = Fault | { readonly code: 'file_unreadable'; readonly problem: string };

/** A fault as the command line shows it: the code of the API, with texts for files and options. */
export type Problem = { readonly code: FilmFault['code'] } & Pick<Advice, 'title' | 'fix'> & Record<string, unknown>;

const cliAdvice: Partial<Record<FilmFault['code'], Partial<Advice>>> &
  Record<'file_unreadable', Pick<Advice, 'title' | 'fix'>> = {
  file_unreadable: { title: 'The file cannot be read', fix: 'Check the path and its permissions.' },
  empty_body: { title: 'The file is empty', fix: 'Export or copy the film again.' },
  body_too_large: {
    title: 'The file is too large',
    fix: 'Raise ALARA_MAX_BODY_MB, or compress the film without loss.',
  },
  not_an_image: {
    title: 'The file is not an image',
    fix: 'Pass a DICOM, PNG or JPEG file. The content decides the format, not the file name.',
  },
  invalid_parameter: { title: 'An option has a wrong value', fix: 'Correct the option; --help describes each option.' },
  unknown_variant: { fix: 'Choose one of the variants in known; alara catalog show describes them.' },
  operating_point_not_measured: {
    fix: 'Choose one of available, or omit --operating-point to use the default of each finding.',
  },
  unreachable_target: {
    fix: 'Lower the target, ask for fewer findings, or add --best-effort to use the nearest variant, with meetsTarget false.',
  },
  queue_full: { fix: 'Raise ALARA_DEADLINE_MS: this machine is too slow or too busy for the deadline.' },
  deadline_exceeded: { fix: 'Raise ALARA_DEADLINE_MS, or ask for fewer findings.' },
  memory_exceeded: {
    fix: 'Raise ALARA_MEMORY_MB, or convert the film: dcmconv +te writes it uncompressed.',
  },
  model_corrupt: { fix: 'Restore the model file. alara catalog verify checks all model files.' },
  inference_failed: { fix: 'Run alara doctor. If all its checks pass, report this with its output.' },
};

/** A fault with its title and its fix. */
export function problemOf(fault: FilmFault): Problem {
  const { title, fix } = {
    ...(fault.code === 'file_unreadable' ? cliAdvice.file_unreadable : advice[fault.code]),
    ...cliAdvice[fault.code],
  };
  return { title, fix, ...fault };
}

/** A problem in one line: the title, the details and the fix. */
export function problemText({ code: _, title, fix, ...members }: Problem): string {
  const details = detailsText(members, optionOf);
  return `${title}${details === '' ? '' : ` (${details})`}. ${fix}`;
}

/** minAuroc to --min-auroc. */
const optionOf = (parameter: string) => `--${parameter.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The value of a result. A fault ends the command with its fix. */
export function unwrap<Value>(result: Result<Value, Fault>): Value {
  if (result.ok) return result.value;
  throw new UsageError(problemText(problemOf(result.fault)));
}

/** The text and the exit code for an error that ends a command. The stack is shown only for an unexpected error. */
export function errorReport(error: unknown): { text: string; exitCode: 1 | 2 } {
  if (error instanceof UsageError) return { text: `alara: ${error.message}`, exitCode: 2 };
  if (error instanceof ConfigError) return { text: `alara: a setting is wrong.\n${error.message}`, exitCode: 2 };
  if (error instanceof CatalogError)
    return {
      text: `alara: the models cannot be used.\n${error.message}\nALARA_MODELS and ALARA_FAMILY name the family; alara doctor checks it.`,
      exitCode: 2,
    };
  // Exit code 1, because the settings are correct: the supervisor restarts the process.
  if (error instanceof StoreUnavailable)
    return { text: `alara: a store does not answer, or refuses the request.\n${error.message}`, exitCode: 1 };
  // A file that the caller named, or a disk. A bug has no path.
  if (error instanceof Error && 'syscall' in error && 'path' in error)
    return { text: `alara: ${error.path}: ${inPlainWords(error)}.`, exitCode: 2 };
  const stack = error instanceof Error ? error.stack : String(error);
  return { text: `alara: this is a bug, please report it with the lines below.\n${stack}`, exitCode: 1 };
}
