import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { setUpOrthanc } from '../../pacs/orthanc/setup.ts';
import { UsageError } from '../errors.ts';

/** `alara orthanc`: configure an Orthanc for Alara. */
export function orthanc(program: Command): void {
  program
    .command('orthanc')
    .description('Set up an Orthanc for Alara.')
    .command('configure')
    .description("Add Alara's script, settings and user to a configuration of Orthanc; existing entries stay.")
    .argument('<folder>', "the folder of Orthanc's configuration, with alara.lua in it")
    .requiredOption('--password-file <file>', "a file with the password of Orthanc's user")
    .option('--username <name>', "Orthanc's user for Alara", 'alara')
    .option(
      '--forward-to <title@host:port>',
      'the PACS that gets the results by C-STORE; gateway.lua lies in the folder too',
    )
    .addHelpText(
      'after',
      `
Comments, scripts, users and settings in the configuration are kept. A second run changes nothing.

Example:
  sudo node_modules/.bin/node functions/cli/main.ts orthanc configure /etc/orthanc --password-file .alara/orthanc.password`,
    )
    .action(configure);
}

type Options = { readonly username: string; readonly passwordFile: string; readonly forwardTo?: string };

function configure(folder: string, { username, passwordFile, forwardTo }: Options): void {
  const [, title = '', host = '', port] = /^([^@\s]{1,16})@([^@\s:]+):(\d{1,5})$/.exec(forwardTo ?? '') ?? [];
  if (forwardTo !== undefined && (!title || Number(port) < 1 || Number(port) > 65_535))
    throw new UsageError(`--forward-to ${forwardTo}: expected AE title, host and port, for example PACS@10.0.0.5:104.`);
  try {
    const password = readFileSync(passwordFile, 'utf8').replace(/\r?\n$/, '');
    if (!password) throw new UsageError(`--password-file ${passwordFile}: the file is empty.`);
    const pacs = title ? { title, host, port: Number(port) } : undefined;
    const changes = setUpOrthanc({ folder, username, password, forwardTo: pacs });
    const lines =
      changes.length > 0
        ? [...changes, 'Restart Orthanc: it reads its configuration at its start.']
        : ['Nothing to change.'];
    process.stdout.write(`${lines.join('\n')}\n`);
  } catch (error) {
    if (error instanceof Error && 'path' in error) throw new UsageError(`${error.path}: ${error.message}`);
    throw error;
  }
}
