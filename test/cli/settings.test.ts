import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../functions/platform/config.ts';
import { alara } from '../support/cli.ts';

/** The names of all settings, from the error about an unknown one. */
function names(): readonly string[] {
  try {
    readConfig({ ALARA_UNKNOWN: '' });
  } catch (error) {
    if (error instanceof ConfigError) return /Known: (.*)\./.exec(error.message)?.[1]?.split(', ') ?? [];
  }
  return [];
}

test('the README and `alara serve --help` have every setting', async () => {
  const settings = names();
  expect(settings).toEqual(expect.arrayContaining(['PORT', 'ALARA_DATA', 'ALARA_LOG']));
  const readme = /## Settings\n([\s\S]*?)\n## /.exec(readFileSync('README.md', 'utf8'))?.[1] ?? '';
  const { stdout } = await alara(['serve', '--help']);
  for (const name of settings) {
    expect(readme, name).toContain(`\`${name}\``);
    expect(stdout, name).toMatch(new RegExp(`\\b${name}\\b`));
  }
});
