import type { Dirent } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { inPlainWords } from '../../core/plain-words.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { isPart10, type MediaType, signatureBytes } from '../../decode/sniff.ts';
import { concatBytes } from '../../platform/concat.ts';
import { type FilmFault, UsageError } from '../errors.ts';

const extensions: readonly (readonly [RegExp, MediaType])[] = [
  [/\.png$/i, 'image/png'],
  [/\.jpe?g$/i, 'image/jpeg'],
  [/\.(dcm|dicom)$/i, 'application/dicom'],
];

const mediaTypeOfName = (path: string): MediaType | undefined =>
  extensions.find(([pattern]) => pattern.test(path))?.[1];

/** The name of standard input among the paths. */
const standardInput = '-';

/**
 * The films of paths: files, and the PNG, JPEG and DICOM files of folders, sorted, without hidden files. `-` is standard input, which can be
 * read once.
 */
export async function filmsIn(paths: readonly string[]): Promise<string[]> {
  if (paths.filter((path) => path === standardInput).length > 1)
    throw new UsageError('standard input has one film: name - once.');
  const found = await Promise.all(paths.map(async (path) => ((await isFolder(path)) ? filmsInFolder(path) : [path])));
  return found.flat();
}

const isFolder = async (path: string) => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

async function filmsInFolder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const films: string[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (!isHidden(relative(folder, path)) && (isFilmByName(entry) || (await isDicomWithoutExtension(entry, path))))
      films.push(path);
  }
  if (films.length === 0)
    throw new UsageError(
      `${folder} contains no .png, .jpg, .jpeg, .dcm or .dicom file, and no DICOM file without an extension. Pass another folder.`,
    );
  return films.sort();
}

/** Hidden files are not films. For example, macOS writes ._name.png beside name.png on FAT and network disks. */
const isHidden = (path: string) => path.split(sep).some((part) => part.startsWith('.'));

const isFilmByName = (entry: Dirent) => !entry.isDirectory() && mediaTypeOfName(entry.name) !== undefined;

/**
 * DICOM files of media and archives often have a number or a UID as name (PS3.10, 8.5). The part after the last dot of a UID is a
 * number. So if the extension has no letter, the content is checked. DICOMDIR, the directory of such media, is not a film.
 */
async function isDicomWithoutExtension(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isFile() || /[a-z]/i.test(extname(entry.name)) || entry.name === 'DICOMDIR') return false;
  // A file that cannot be opened is skipped, because the caller did not name it.
  return firstBytes(path).then(isPart10, () => false);
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    return (await file.read({ buffer: new Uint8Array(signatureBytes) })).buffer;
  } finally {
    await file.close();
  }
}

/** The bytes of a film, and the media type of its file name. The bytes decide the format, as for an upload. */
export async function loadFilm(
  path: string,
  limitBytes: number,
): Promise<Result<{ bytes: Uint8Array<ArrayBuffer>; mediaType: string }, FilmFault>> {
  try {
    if (path === standardInput) return await loadFrom(process.stdin, limitBytes);
    if ((await stat(path)).size > limitBytes) return fail({ code: 'body_too_large', limitBytes });
    const bytes = new Uint8Array(await readFile(path));
    return ok({ bytes, mediaType: mediaTypeOfName(path) ?? 'application/octet-stream' });
  } catch (error) {
    return fail({ code: 'file_unreadable', problem: inPlainWords(error) });
  }
}

/** The bytes of a stream, up to the limit. A stream declares no media type. */
async function loadFrom(
  stream: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<Result<{ bytes: Uint8Array<ArrayBuffer>; mediaType: string }, FilmFault>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > limitBytes) return fail({ code: 'body_too_large', limitBytes });
    chunks.push(chunk);
  }
  return ok({ bytes: concatBytes(chunks, size), mediaType: 'application/octet-stream' });
}
