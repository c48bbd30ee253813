import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type ParseError, parse, parseTree } from 'jsonc-parser';
import { z } from 'zod';
import { ConfigError } from '../../platform/config.ts';

export const Configuration = z.record(z.string(), z.unknown());

/** One file of Orthanc's configuration. The text is JSON with comments. */
export type ConfigFile = {
  readonly path: string;
  readonly text: string;
  readonly content: z.infer<typeof Configuration>;
};

/** The configuration files in a folder, by name. Throws ConfigError if a file is malformed or if two files have the same section. */
export function readConfigFiles(folder: string): Map<string, ConfigFile> {
  const files = new Map(
    readdirSync(folder)
      // The same selection as in Orthanc.
      .filter((name) => /\.json$/i.test(name) && !statSync(join(folder, name)).isDirectory())
      .map((name) => [name, read(join(folder, name))]),
  );
  const sections = [...files].flatMap(([name, { content }]) =>
    Object.keys(content).map((section) => ({ section, name })),
  );
  for (const [section, [first, second]] of Map.groupBy(sections, ({ section }) => section))
    if (first && second)
      throw new ConfigError(
        `${folder}: ${section} is in ${first.name} and in ${second.name}, which Orthanc rejects: remove one; nothing was changed.`,
      );
  return files;
}

function read(path: string): ConfigFile {
  const text = readFileSync(path, 'utf8');
  return { path, text, content: parseConfiguration(path, text) };
}

/** Parse the text of a configuration file. Throws ConfigError if the text is malformed or has a section twice. */
export function parseConfiguration(path: string, text: string): ConfigFile['content'] {
  const errors: ParseError[] = [];
  const content: unknown = parse(text, errors, { allowTrailingComma: true });
  const parsed = Configuration.safeParse(content);
  if (errors.length > 0 || !parsed.success)
    throw new ConfigError(
      `${path} is not a JSON object: correct or restore the file, or give it another extension than .json; nothing was changed.`,
    );
  const names = parseTree(text)?.children?.map(({ children }) => String(children?.[0]?.value)) ?? [];
  const duplicate = names.find((name, index) => names.indexOf(name) !== index);
  if (duplicate !== undefined)
    throw new ConfigError(`${path}: ${duplicate} is in the file twice: remove one; nothing was changed.`);
  return parsed.data;
}

/**
 * Write all files or none. An existing file keeps its owner and mode, and a link keeps its target. A new file may contain a
 * secret, so only its owner and one group can read it. That group is the group of Orthanc's other files, because Orthanc runs
 * with that group.
 *
 * @returns the new files that only the owner can read, because the group is unknown.
 */
export function writeConfigFiles(files: readonly ConfigFile[], others: readonly ConfigFile[]): readonly string[] {
  const existing = others
    .filter((other) => existsSync(other.path))
    .map((other) => ({ ...statSync(other.path), path: other.path }));
  const group = existing.find(({ gid }) => gid !== 0)?.gid;
  const prepared = files.map(({ path, text }) => {
    const previous = existing.find((other) => other.path === path);
    const target = previous ? realpathSync(path) : path;
    const temporary = join(dirname(target), `.${basename(target)}.alara`);
    return { path, text, previous, target, temporary, previousBytes: previous && readFileSync(target) };
  });
  const created: string[] = [];
  const renamed: (typeof prepared)[number][] = [];
  try {
    for (const { text, previous, temporary } of prepared) {
      writeFileSync(temporary, text, { mode: 0o600 });
      created.push(temporary);
      if (previous) chownSync(temporary, previous.uid, previous.gid);
      else if (group !== undefined) chownSync(temporary, statSync(temporary).uid, group);
      chmodSync(temporary, previous ? previous.mode : group === undefined ? 0o600 : 0o640);
    }
    for (const file of prepared) {
      renameSync(file.temporary, file.target);
      renamed.push(file);
    }
  } catch (error) {
    for (const { target, previousBytes } of renamed)
      if (previousBytes) writeFileSync(target, previousBytes);
      else rmSync(target, { force: true });
    for (const temporary of created) rmSync(temporary, { force: true });
    const { path, code } = error as NodeJS.ErrnoException;
    const failedPath = prepared.find(({ temporary }) => temporary === path)?.path ?? path;
    throw new ConfigError(`${failedPath} cannot be written (${code}); nothing was changed.`);
  }
  return group === undefined ? prepared.filter(({ previous }) => !previous).map(({ path }) => path) : [];
}
