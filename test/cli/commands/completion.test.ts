import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allCommands } from '../../../functions/cli/commands/all.ts';
import { completionScript } from '../../../functions/cli/commands/completion.ts';
import { createProgram } from '../../../functions/cli/program.ts';
import { jobStates } from '../../../functions/core/job.ts';
import { alara, folder } from '../../support/cli.ts';

const program = createProgram(allCommands);
const commands = program.commands.map((command) => command.name());
const optionsOf = (...path: string[]) => {
  let command = program;
  for (const name of path) command = command.commands.find((each) => each.name() === name) ?? command;
  return [...command.options.filter(({ hidden }) => !hidden).map(({ long }) => long), '--help'];
};

const lines: readonly (readonly [line: string, words: readonly (string | undefined)[]])[] = [
  ['alara ', [...commands, 'help']],
  ['alara cat', ['catalog']],
  ['alara catalog pro', ['promote']],
  ['alara catalog promote --', optionsOf('catalog', 'promote')],
  ['alara catalog promote --store s3://a/b --to ', ['canary', 'live']],
  ['alara jobs ls --state d', jobStates.filter((state) => state.startsWith('d'))],
  ['alara jobs --h', ['--help']],
  ['alara --ver', ['--version']],
  ['alara read film.png --ex', ['--explain']],
  ['alara completion ', ['bash', 'zsh']],
];

/** The words that bash offers at the end of a line. */
function bashOffers(line: string, cwd = process.cwd()): string[] {
  const words = line.split(' ');
  const script = `${completionScript('bash', program)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_alara; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['--norc', '-c', script], { cwd, encoding: 'utf8' }).split('\n').filter(Boolean);
}

test.for(lines)('bash completes %j', ([line, words]) => {
  expect(bashOffers(line).toSorted()).toEqual([...new Set(words)].toSorted());
});

test('bash is told to complete files where the command line knows no words', () => {
  expect(bashOffers('alara read fi')).toEqual([]);
  expect(bashOffers('alara catalog records --trust ')).toEqual([]);
  expect(completionScript('bash', program)).toContain('complete -o default -F _alara alara');
});

const hasZsh = spawnSync('zsh', ['--version']).status === 0;

describe.skipIf(!hasZsh)('zsh (apt-get install zsh)', () => {
  /** The words that zsh offers. `compadd` and `_files` print instead, because zsh calls them only from its line editor. */
  function zshOffers(line: string): string[] {
    const words = line.split(' ');
    const script = `compdef() { : }; _files() { print -l FILES }
compadd() { shift; print -l -- \${(M)@:#\${words[CURRENT]}*} }
${completionScript('zsh', program)}
words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}; _alara`;
    return execFileSync('zsh', ['-f', '-c', script], { encoding: 'utf8' }).split('\n').filter(Boolean);
  }

  test.for(lines)('zsh completes %j', ([line, words]) => {
    expect(zshOffers(line).toSorted()).toEqual([...new Set(words)].toSorted());
  });

  test('zsh completes files after an option without known values', () => {
    expect(zshOffers('alara catalog records --trust ')).toEqual(['FILES']);
    expect(zshOffers('alara read ')).toEqual(['FILES']);
  });

  test('the script loads in the completion system of zsh', () => {
    const home = folder();
    mkdirSync(join(home, 'bin'));
    const cli = join(process.cwd(), 'functions/cli/main.ts');
    writeFileSync(join(home, 'bin/alara'), `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`, { mode: 0o755 });
    const script = 'autoload -Uz compinit && compinit -u; source <(alara completion zsh); print $_comps[alara]';
    const environment = { ...process.env, HOME: home, PATH: `${home}/bin:${process.env['PATH']}` };
    const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', script], { env: environment, encoding: 'utf8' });
    expect([stdout, stderr]).toEqual(['_alara\n', '']);
  });
});

test('an unknown shell is refused with the known ones', async () => {
  const { code, stdout, stderr } = await alara(['completion', 'fish']);
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(/bash, zsh/)]);
});
