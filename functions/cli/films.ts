import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { type MediaType, sniff } from '../pipeline/decode/sniff.ts';
import { fail, ok, type Result } from '../pipeline/result.ts';
import { type FilmFault, UsageError } from './complaint.ts';

const extensions: readonly (readonly [RegExp, MediaType])[] = [
  [/\.png$/i, 'image/png'],
  [/\.jpe?g$/i, 'image/jpeg'],
];

const byName = (path: string): MediaType | undefined => extensions.find(([pattern]) => pattern.test(path))?.[1];

/** The films that paths name: a file as it is, a folder searched through for PNG and JPEG files, sorted, none hidden. */
export async function filmsIn(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map(async (path) => ((await isFolder(path)) ? search(path) : [path])));
  return found.flat();
}

const isFolder = async (path: string) => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

async function search(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const films = entries
    .filter((entry) => !entry.isDirectory() && byName(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name))
    // Hidden files are not films: macOS leaves ._name.png beside name.png on foreign disks.
    .filter(
      (path) =>
        !relative(folder, path)
          .split(sep)
          .some((part) => part.startsWith('.')),
    )
    .sort();
  if (films.length === 0) throw new UsageError(`${folder} holds no .png, .jpg or .jpeg file. Name another folder.`);
  return films;
}

/** The bytes of a film, and what its first bytes say it is; its name speaks only for bytes that say nothing. */
export async function load(
  path: string,
  limitBytes: number,
): Promise<Result<{ bytes: Uint8Array<ArrayBuffer>; mediaType: string }, FilmFault>> {
  try {
    if ((await stat(path)).size > limitBytes) return fail({ code: 'body_too_large', limitBytes });
    const bytes = new Uint8Array(await readFile(path));
    return ok({ bytes, mediaType: sniff(bytes) ?? byName(path) ?? 'application/octet-stream' });
  } catch (error) {
    return fail({ code: 'file_unreadable', problem: error instanceof Error ? error.message : String(error) });
  }
}
