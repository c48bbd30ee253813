import { expect, test } from 'vitest';
import { alara, damagedFamily, family } from '../../support/cli.ts';

const { variants, findings } = family.catalog;
const [victim] = variants;
if (!victim) throw new Error('a catalog has at least one variant');
const copies = (models: string) => ({ ALARA_MODELS: models, ALARA_FAMILY: family.catalog.family });

test('show lists the variants, and with a variant its heads', async () => {
  const shown = await alara(['catalog', 'show']);
  for (const { id, resolution, bytes } of variants)
    expect(shown.stdout).toMatch(new RegExp(`^${id} +${resolution} +\\S+ +${bytes} +[\\d.]+ +0\\.\\d{3}$`, 'm'));
  const heads = await alara(['catalog', 'show', victim.id]);
  for (const finding of findings)
    expect(heads.stdout).toMatch(new RegExp(`^${finding} +0\\.\\d{3} \\[0\\.\\d{3}, [01]\\.\\d{3}\\]`, 'm'));
  for (const finding of findings)
    for (const name of ['specific', 'balanced', 'sensitive'])
      expect(heads.stdout).toMatch(
        new RegExp(`^${finding} +${name} +0\\.\\d{3} to 0\\.\\d{3}( +[01]\\.\\d\\d){4}$`, 'm'),
      );
  expect([shown.code, heads.code]).toEqual([0, 0]);
});

test('verify hashes and runs every model', async () => {
  const { code, stdout } = await alara(['catalog', 'verify']);
  for (const { id } of variants)
    expect(stdout).toMatch(
      new RegExp(
        `^pass  ${id}  sha256:\\S+\\s+logits\\s\\[1,\\s${findings.length}\\]\\s+cam\\s+\\[1,\\s+${findings.length},[^l]*gate\\s+\\[1,`,
        'm',
      ),
    );
  expect(code).toBe(0);
});

test('verify names the model with other bytes', async () => {
  const models = damagedFamily(victim.file, (bytes) => bytes.fill((bytes[100] ?? 0) ^ 1, 100, 101));
  const { code, stdout, stderr } = await alara(['catalog', 'verify'], copies(models));
  expect(stdout).toMatch(new RegExp(`^FAIL  ${victim.id}  [\\s\\S]*has\\s+SHA-256`, 'm'));
  expect(stdout.match(/^pass/gm)).toHaveLength(variants.length - 1);
  expect(stderr).toContain(`1 of ${variants.length} models`);
  expect(code).toBe(1);
});

test('verify refuses a truncated model with the line of the catalog, and an inconsistent catalog', async () => {
  const truncated = damagedFamily(victim.file, (bytes) => bytes.subarray(0, 1000));
  const short = await alara(['catalog', 'verify'], copies(truncated));
  expect(short.stdout).toMatch(/^FAIL {2}catalog [\s\S]*catalog\.json:\d+:[\s\S]* has\s+1000\s+bytes/m);
  const renamed = damagedFamily('catalog.json', (text) => Buffer.from(text.toString().replace('"frontal', '"banana')));
  const odd = await alara(['catalog', 'verify'], copies(renamed));
  expect([short.code, odd.code]).toEqual([1, 1]);
});

test('an unknown variant is a usage error', async () => {
  const { code, stderr } = await alara(['catalog', 'show', 'r1-int1']);
  expect(stderr).toContain(victim.id);
  expect(code).toBe(2);
});
