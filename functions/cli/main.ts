#!/usr/bin/env node
import '../platform/no-telemetry.ts';
import { Command, CommanderError } from 'commander';
import about from '../../package.json' with { type: 'json' };
import { notice } from '../core/reading.ts';
import { catalog } from './commands/catalog.ts';
import { doctor } from './commands/doctor.ts';
import { jobs } from './commands/jobs.ts';
import { keys } from './commands/keys.ts';
import { orthanc } from './commands/orthanc.ts';
import { read } from './commands/read.ts';
import { route } from './commands/route.ts';
import { webhooks } from './commands/webhooks.ts';
import { complaint } from './errors.ts';
import { serve } from './serve/serve.ts';

const program = new Command('alara')
  .description(
    'Reads chest radiographs, each finding at the cheapest resolution whose measured accuracy is good enough.',
  )
  .version(about.version)
  .showHelpAfterError('(add --help to see the options)')
  .exitOverride()
  .addHelpText(
    'after',
    `
Examples:
  alara serve                                   the HTTP API on http://127.0.0.1:8080
  alara read film.png --findings Nodule         one film, as a table
  alara read films/ --csv > readings.csv        a folder, as a spreadsheet
  alara route --findings Nodule,Emphysema       which models would run, and why
  alara keys create --tenant clinic --scopes readings,jobs
  alara jobs ls --state dead                    what was given up, and why
  alara doctor                                  what is missing on this machine

In a clone of the repository, write "npm run --silent alara -- read film.png" for "alara read film.png".
Exit codes: 0 fine, 1 a film failed or a check failed, 2 wrong usage or settings.
${notice}`,
  );
for (const verb of [serve, read, route, catalog, jobs, keys, webhooks, orthanc, doctor]) verb(program);

// A closed pipe (alara read … | head) ends the command. This is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    const { text, exitCode } = complaint(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = exitCode;
  }
}
