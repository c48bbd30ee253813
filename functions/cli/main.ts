#!/usr/bin/env node
import '../platform/no-telemetry.ts';
import { CommanderError } from 'commander';
import { errorReport, UsageError } from './errors.ts';
import { createProgram } from './program.ts';
import { serve } from './serve/serve.ts';

// A closed pipe (alara read … | head) ends the command. This is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  // In a clone, npm installs the right version of Node. The packed command runs on the Node of its machine.
  if (!process.getBuiltinModule?.('node:sqlite'))
    throw new UsageError(`alara needs Node 24, and this is Node ${process.versions.node}: node:sqlite is missing.`);
  // The supervisor and its server start without the modules of the other commands.
  const commands = process.argv[2] === 'serve' ? [serve] : (await import('./commands/all.ts')).allCommands;
  await createProgram(commands).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    const { text, exitCode } = errorReport(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = exitCode;
  }
}
