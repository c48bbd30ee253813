import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { allCommands } from '../../functions/cli/commands/all.ts';
import { createProgram } from '../../functions/cli/program.ts';
import { alara } from '../support/cli.ts';

/** Every command with the words of its path. */
const tree = (command: Command, path: readonly string[] = []): { path: readonly string[]; command: Command }[] => [
  { path, command },
  ...command.commands.flatMap((each) => tree(each, [...path, each.name()])),
];
const commands = tree(createProgram(allCommands));
const flagsOf = (command: Command) => command.options.flatMap(({ short, long }) => [short, long]);

test.for(commands)(
  'the help of "$path" fits 80 columns and has one example, which the command accepts',
  async ({ path, command }) => {
    const { code, stdout, stderr } = await alara([...path, '--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(stdout.match(/^Examples?:/gm)).toEqual(['Example:']);
    const [, example = ''] = /^Example:\n {2}(.*)$/m.exec(stdout) ?? [];
    // Words in quotes are one argument.
    const [, ...words] = (/alara .*/.exec(example)?.[0] ?? '').match(/"[^"]*"|[^\s)]+/g) ?? [];
    expect(words.slice(0, path.length)).toEqual(path);
    const named = commands
      .filter(({ path }) => path.every((word, i) => words[i] === word))
      .toSorted((a, b) => b.path.length - a.path.length)[0];
    for (const flag of words.filter((word) => word.startsWith('--')))
      expect(flagsOf(named?.command ?? command), example).toContain(flag);
    const mandatory = (named?.command ?? command).options.filter((option) => option.mandatory && !option.defaultValue);
    for (const { long } of mandatory) expect(words, example).toContain(long);
  },
);

test.for(commands.filter(({ command }) => command.commands.length === 0))('"$path" has --json', ({ command }) => {
  expect(flagsOf(command)).toContain('--json');
});

test('every option and every argument has a description', () => {
  for (const { path, command } of commands) {
    for (const { long, description, hidden } of command.options)
      if (!hidden) expect(description, `${path.join(' ')} ${long}`).not.toBe('');
    for (const argument of command.registeredArguments)
      expect(argument.description, `${path.join(' ')} ${argument.name()}`).not.toBe('');
    expect(command.description(), path.join(' ')).toMatch(/\.$/);
  }
});
