import { Command } from 'commander';
import about from '../../package.json' with { type: 'json' };
import { notice } from '../core/reading.ts';
import { fixedWidth, help } from './help.ts';

/** The command line: commands with their options and help. */
export function createProgram(commands: readonly ((program: Command) => void)[]): Command {
  const program = fixedWidth(new Command('alara'))
    .description(
      'Reads chest radiographs, each finding at the cheapest resolution whose measured accuracy is good enough.',
    )
    .version(about.version)
    .showHelpAfterError('(add --help to see the options)')
    .exitOverride();
  help(program, {
    example: 'alara read film.png --findings Nodule',
    notes: [
      'alara <command> --help describes a command and gives an example. With --json, a command prints one JSON document on standard output and nothing else; errors and progress go to standard error.',
      'In a clone of the repository, write "npm run --silent alara -- read film.png" for "alara read film.png".',
      'Exit codes: 0 success, 1 a film failed or a check failed, 2 wrong usage or settings.',
      notice,
    ],
  });
  for (const add of commands) add(program);
  return program;
}
