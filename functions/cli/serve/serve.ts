import { fork } from 'node:child_process';
import { type Command, Option } from 'commander';
import { notice } from '../../core/reading.ts';
import { describedSettings } from '../../platform/settings.ts';
import { help } from '../help.ts';
import { type JsonOption, withJson } from '../output/json.ts';
import { lineWidth } from '../output/wrap.ts';
import { supervise } from './supervisor.ts';

/** `alara serve`: run the HTTP API in a child process that is restarted after a crash. */
export function serve(program: Command): void {
  const command = program
    .command('serve')
    .description('Serve the HTTP API, run jobs and poll the PACS. GET /docs describes the API.')
    .addOption(new Option('--child').hideHelp());
  help(withJson(command, 'print the address as one JSON document when the service answers'), {
    example: 'PORT=9000 ALARA_WORKERS=2 alara serve',
    notes: [
      'SIGTERM or Ctrl-C answers the accepted requests, then stops. A second signal stops at once.',
      notice,
      'Settings come from the environment:',
    ],
    list: settingsHelp(),
  }).action(async ({ child, json }: JsonOption & { child?: true }) => {
    if (child) await (await import('./child.ts')).serveChild();
    else process.exitCode = await supervise(startChild, json);
  });
}

/** The child is this program with an internal flag, so that a bundle stays one file. */
const startChild = (environment: NodeJS.ProcessEnv) =>
  fork(process.argv[1] ?? '', ['serve', '--child'], {
    env: { ...process.env, ...environment },
    stdio: 'inherit',
  });

/** Settings in two columns: name, then description and default. */
function settingsHelp(): string {
  const indent = 24;
  const lines = describedSettings.map(({ name, description, usual }) => {
    let column = indent;
    const words = `${description} Default: ${usual}.`.replaceAll('`', '').split(' ');
    const text = words.map((word) => {
      const isNewLine = column + word.length > lineWidth;
      column = (isNewLine ? indent : column) + word.length + 1;
      return isNewLine ? `\n${' '.repeat(indent)}${word}` : word;
    });
    return `  ${name.padEnd(indent - 2)}${text.join(' ')}`;
  });
  return lines.join('\n').replaceAll(' \n', '\n');
}
