import type { Command } from 'commander';
import { lineWidth, paragraph } from './output/wrap.ts';

type Help = {
  /** A command line that works as it stands. */
  readonly example: string;
  /** Paragraphs. */
  readonly notes?: readonly string[];
  /** Lines after the notes, as they are. */
  readonly list?: string;
};

/** Add one example and notes to the help of a command. */
export function help(command: Command, { example, notes = [], list = '' }: Help): Command {
  const text = [`Example:\n  ${example}\n`, ...notes.map((note) => paragraph(note))].join('\n');
  return command.addHelpText('after', `\n${text}${list}`.trimEnd());
}

/** Every terminal gets help of the same width. */
export const fixedWidth = (program: Command): Command =>
  program.configureOutput({ getOutHelpWidth: () => lineWidth, getErrHelpWidth: () => lineWidth });
