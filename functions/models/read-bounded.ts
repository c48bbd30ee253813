import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { CatalogError } from './catalog-error.ts';

/** The largest text that is read. A catalog of 16 variants and 200 findings is far smaller. */
export const maxTextBytes = 64_000_000;

/** The text of a file. The size is checked before the file is read. Throws {@link CatalogError} if it is too large. */
export function readText(path: string): string {
  const file = openSync(path, 'r');
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new CatalogError(`${path} is not a file.`);
    if (stats.size > maxTextBytes)
      throw new CatalogError(`${path} has ${stats.size} bytes; ${maxTextBytes} are read at the most.`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}
