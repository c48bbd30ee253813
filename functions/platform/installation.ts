import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';

/** The folder of this installation: the nearest one above this file with a package.json, in a clone, a package and the image. */
export function installation(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder))
    if (existsSync(join(folder, 'package.json')) || folder === dirname(folder)) return folder;
}

/** The model families that were installed together with the program. The path is relative if it is below the working folder. */
export function installedModels(): string {
  const models = join(installation(), 'models');
  const below = relative(process.cwd(), models);
  return below.startsWith('..') || isAbsolute(below) ? models : below;
}
