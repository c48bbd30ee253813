import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UsageError } from '../../../functions/cli/errors.ts';
import { filmsIn, load } from '../../../functions/cli/output/films.ts';
import { folder } from '../../support/cli.ts';
import { unwrap } from '../../support/family.ts';

const dicom = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), Buffer.alloc(10)]);

test('a folder is searched for films by their names, and for DICOM files that have none', async () => {
  const path = folder();
  mkdirSync(join(path, 'IMAGES', '.hidden'), { recursive: true });
  const nameless = ['IMAGES/1.2.840.113619.2.5.17', 'IMAGES/IM000001'];
  const named = ['a.PNG', 'b.jpeg', 'c.dcm', 'd.DICOM'];
  const others = ['DICOMDIR', 'IMAGES/.hidden/IM1', '.IM2', 'notes.txt', 'readme', 'film.bak', 'empty'];
  for (const name of named) writeFileSync(join(path, name), 'its name speaks for it');
  for (const name of [...nameless, ...others]) writeFileSync(join(path, name), dicom);
  writeFileSync(join(path, 'readme'), 'a text without an extension, which is longer than the signature. '.repeat(4));
  writeFileSync(join(path, 'empty'), '');
  // What would hang or fail when it is opened is not looked into.
  execFileSync('mkfifo', [join(path, 'pipe')]);
  symlinkSync('nowhere', join(path, 'link'));
  writeFileSync(join(path, 'locked'), 'nothing');
  chmodSync(join(path, 'locked'), 0);
  expect(await filmsIn([path])).toEqual([...nameless, ...named].map((name) => join(path, name)));
});

test('a folder without films says what was looked for', async () => {
  const path = folder();
  writeFileSync(join(path, 'notes.txt'), 'no film');
  await expect(filmsIn([path])).rejects.toThrow(UsageError);
  await expect(filmsIn([path])).rejects.toThrow(/\.dcm/);
});

test('a named file is taken as it is; its name declares a type, and decoding goes by its bytes', async () => {
  const path = join(folder(), 'film.png');
  writeFileSync(path, dicom);
  expect(await filmsIn([path])).toEqual([path]);
  expect(unwrap(await load(path, 1000)).mediaType).toBe('image/png');
});
