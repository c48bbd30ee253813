import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { inPlainWords } from '../../core/plain-words.ts';
import { setUpOrthanc } from '../../pacs/orthanc/setup.ts';
import { UsageError } from '../errors.ts';
import { help } from '../help.ts';
import { type JsonOption, show, withJson } from '../output/json.ts';
import { paragraph } from '../output/wrap.ts';

/** `alara orthanc`: configure an Orthanc for Alara. */
export function orthanc(program: Command): void {
  const group = program.command('orthanc').description('Set up an Orthanc for Alara.');
  const example = 'alara orthanc configure /etc/orthanc --password-file orthanc.password';
  help(group, { example });
  const command = group
    .command('configure')
    .description("Add Alara's script, settings and user to a configuration of Orthanc. Existing entries stay.")
    .argument('<folder>', "the folder of Orthanc's configuration; it must contain alara.lua")
    .requiredOption('--password-file <file>', "a file with the password of Orthanc's user")
    .option('--username <name>', "Orthanc's user for Alara", 'alara')
    .option(
      '--forward-to <title@host:port>',
      'the PACS to which Orthanc sends the results by C-STORE; the folder must then contain gateway.lua',
    );
  help(withJson(command), {
    example,
    notes: [
      'Comments, scripts, users and settings in the configuration are kept. A second run changes nothing. The folder usually belongs to root: use sudo.',
    ],
  }).action(configure);
}

type Options = JsonOption & { readonly username: string; readonly passwordFile: string; readonly forwardTo?: string };

function configure(folder: string, { username, passwordFile, forwardTo, json }: Options): void {
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
        ? [...changes, 'Restart Orthanc: it reads its configuration only at startup.']
        : ['Nothing to change.'];
    show(json, { changes }, () => lines.map((line) => paragraph(line)).join(''));
  } catch (error) {
    if (error instanceof Error && 'path' in error) throw new UsageError(`${error.path}: ${inPlainWords(error)}.`);
    throw error;
  }
}
