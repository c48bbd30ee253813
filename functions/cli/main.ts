#!/usr/bin/env node
import '../platform/no-telemetry.ts';
import { CommanderError } from 'commander';
import { errorReport } from './errors.ts';
import { createProgram } from './program.ts';

// A closed pipe (alara read … | head) ends the command. This is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    const { text, exitCode } = errorReport(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = exitCode;
  }
}
