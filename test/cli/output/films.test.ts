import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UsageError } from '../../../functions/cli/errors.ts';
import { filmsIn, loadFilm } from '../../../functions/cli/output/films.ts';
import { folder } from '../../support/cli.ts';
import { unwrap } from '../../support/family.ts';

const dicom = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), Buffer.alloc(10)]);

test('finds films in a folder by their extensions, and DICOM files without an extension', async () => {
  const path = folder();
  mkdirSync(join(path, 'IMAGES', '.hidden'), { recursive: true });
  const nameless = ['IMAGES/1.2.840.113619.2.5.17', 'IMAGES/IM000001'];
  const named = ['a.PNG', 'b.jpeg', 'c.dcm', 'd.DICOM'];
  const others = ['DICOMDIR', 'IMAGES/.hidden/IM1', '.IM2', 'notes.txt', 'readme', 'film.bak', 'empty'];
  for (const name of named) writeFileSync(join(path, name), 'its name speaks for it');
  for (const name of [...nameless, ...others]) writeFileSync(join(path, name), dicom);
  writeFileSync(join(path, 'readme'), 'a text without an extension, which is longer than the signature. '.repeat(4));
  writeFileSync(join(path, 'empty'), '');
  // Files that would block or fail on opening are skipped.
  execFileSync('mkfifo', [join(path, 'pipe')]);
  symlinkSync('nowhere', join(path, 'link'));
  writeFileSync(join(path, 'locked'), 'nothing');
  chmodSync(join(path, 'locked'), 0);
  expect(await filmsIn([path])).toEqual([...nameless, ...named].map((name) => join(path, name)));
});

test('the error for a folder without films lists the accepted files', async () => {
  const path = folder();
  writeFileSync(join(path, 'notes.txt'), 'no film');
  await expect(filmsIn([path])).rejects.toThrow(UsageError);
  await expect(filmsIn([path])).rejects.toThrow(/\.dcm/);
});

test('accepts every named file; its extension declares a type, and its bytes decide', async () => {
  const path = join(folder(), 'film.png');
  writeFileSync(path, dicom);
  expect(await filmsIn([path])).toEqual([path]);
  expect(unwrap(await loadFilm(path, 1000)).mediaType).toBe('image/png');
});
