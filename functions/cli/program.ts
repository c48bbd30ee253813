import { Command } from 'commander';
import about from '../../package.json' with { type: 'json' };
import { notice } from '../core/reading.ts';
import { catalog } from './commands/catalog.ts';
import { completion } from './commands/completion.ts';
import { doctor } from './commands/doctor.ts';
import { jobs } from './commands/jobs.ts';
import { keys } from './commands/keys.ts';
import { orthanc } from './commands/orthanc.ts';
import { read } from './commands/read.ts';
import { route } from './commands/route.ts';
import { webhooks } from './commands/webhooks.ts';
import { fixedWidth, help } from './help.ts';
import { serve } from './serve/serve.ts';

/** The command line: all commands with their options and help. */
export function createProgram(): Command {
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
  for (const verb of [serve, read, route, catalog, jobs, keys, webhooks, orthanc, doctor, completion]) verb(program);
  return program;
}
