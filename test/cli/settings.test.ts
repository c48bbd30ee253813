import { expect, test } from 'vitest';
import { describedSettings } from '../../functions/platform/settings.ts';
import { alara } from '../support/cli.ts';

test('every setting has a description', () => {
  expect(describedSettings.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['PORT', 'ALARA_DATA', 'ALARA_LOG']),
  );
  for (const { name, description } of describedSettings) expect(description, name).toMatch(/^[A-Z`].*\.$/);
});

test('`alara serve --help` lists every setting with its description and default', async () => {
  const { stdout } = await alara(['serve', '--help']);
  const help = stdout.replaceAll(/\s+/g, ' ');
  for (const { name, description, usual } of describedSettings)
    expect(help).toContain(` ${name} ${`${description} Default: ${usual}.`.replaceAll('`', '')}`);
});

test('docs/settings.md is generated from the settings', async () => {
  const rows = describedSettings.map(({ name, usual, description }) => `| \`${name}\` | ${usual} | ${description} |`);
  const page = `# Settings

Settings are environment variables. A wrong setting stops the start with a message that names it. \`npm run doctor\` checks
the settings and the machine. With \`ALARA_PLATFORM=aws\`, see [deploy.md](deploy.md); for \`ALARA_PACS\`, see [pacs.md](pacs.md);
for stores of models, see [models.md](models.md).

| variable | default | |
|---|---|---|
${rows.join('\n')}
`;
  // After a change of functions/platform/settings.ts run: npx vitest run test/cli/settings.test.ts -u
  await expect(page).toMatchFileSnapshot('../../docs/settings.md');
});
