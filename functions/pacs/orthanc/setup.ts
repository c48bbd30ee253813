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
import { basename, dirname, join, resolve } from 'node:path';
import { applyEdits, type JSONPath, modify, type ParseError, parse, parseTree } from 'jsonc-parser';
import { z } from 'zod';
import { ConfigError } from '../../platform/config.ts';

const Configuration = z.record(z.string(), z.unknown());

/** One file of Orthanc's configuration: JSON with comments, which are kept. */
type File = { readonly path: string; readonly text: string; readonly content: z.infer<typeof Configuration> };

export type OrthancSetup = {
  /** The folder of Orthanc's configuration, where alara.lua lies too. */
  readonly folder: string;
  readonly username: string;
  readonly password: string;
  /** The PACS that gets the results by C-STORE, where Orthanc is the gateway to it. */
  readonly forwardTo?: { readonly title: string; readonly host: string; readonly port: number } | undefined;
};

/** What Orthanc calls the PACS behind it. */
const modality = 'alara-pacs';

/** Seconds. Orthanc's default of 60 holds up an event for a minute where Alara does not answer. */
const httpTimeout = { usual: 60, short: 5 };

/**
 * Adds Alara's script, its settings and its user to a configuration of Orthanc. Scripts, users and settings that are there
 * stay, in whichever file they stand, since Orthanc refuses a section that stands in two files. Again changes nothing.
 *
 * @returns what was changed, a line each.
 */
export function setUpOrthanc({ folder, username, password, forwardTo }: OrthancSetup): readonly string[] {
  const files = new Map(
    readdirSync(folder)
      // As Orthanc chooses them.
      .filter((name) => /\.json$/i.test(name) && !statSync(join(folder, name)).isDirectory())
      .map((name) => [name, read(join(folder, name))]),
  );
  const sections = [...files].flatMap(([name, { content }]) =>
    Object.keys(content).map((section) => ({ section, name })),
  );
  for (const [section, [first, second]] of Map.groupBy(sections, ({ section }) => section))
    if (first && second)
      throw new ConfigError(
        `${folder}: ${section} stands in ${first.name} and in ${second.name}, which Orthanc refuses: keep one; nothing was changed.`,
      );
  const changes: string[] = [];
  const holder = (section: string) => [...files].find(([, { content }]) => section in content);

  function change(name: string, path: JSONPath, value: unknown, what: string): void {
    const file = files.get(name) ?? { path: join(folder, name), text: '{}\n', content: {} };
    const formattingOptions = { insertSpaces: true, tabSize: 2, eol: '\n' };
    const text = applyEdits(file.text, modify(file.text, path, value, { formattingOptions }));
    files.set(name, { ...file, text, content: contentOf(file.path, text) });
    changes.push(`${what} (${name})`);
  }
  const settingOf = (section: string) => holder(section)?.[1].content[section];
  /** A section that is to be added to. */
  function section<Value>(name: string, kind: z.ZodType<Value>, described: string, otherwise: Value): Value {
    const [file, held] = holder(name) ?? [];
    if (file === undefined || held === undefined) return otherwise;
    const parsed = kind.safeParse(held.content[name]);
    if (parsed.success) return parsed.data;
    throw new ConfigError(`${join(folder, file)}: ${name} is not ${described}: correct it; nothing was changed.`);
  }
  const fileFor = (section: string, otherwise: string) => holder(section)?.[0] ?? otherwise;

  // Last, and in this order: a script that comes later and defines the same function would replace Alara's.
  const wanted = [...(forwardTo ? ['gateway.lua'] : []), 'alara.lua'].map((name) => resolve(folder, name));
  for (const script of wanted)
    if (!existsSync(script))
      throw new ConfigError(`${script} does not exist: copy it there from functions/pacs/orthanc/.`);
  const scripts = section('LuaScripts', z.array(z.string()), 'a list of paths', []);
  const last = scripts.slice(-wanted.length).map((path) => resolve(folder, path));
  if (last.join('\n') !== wanted.join('\n')) {
    const name = fileFor('LuaScripts', 'alara.json');
    for (const [i, script] of wanted.entries())
      change(name, ['LuaScripts', scripts.length + i], script, `LuaScripts: ${basename(script)} comes last`);
    for (const [i, path] of [...scripts.entries()].reverse())
      if (wanted.includes(resolve(folder, path)))
        change(name, ['LuaScripts', i], undefined, `LuaScripts: ${path} no longer comes earlier`);
  }

  if (forwardTo) {
    const { title, host, port } = forwardTo;
    const modalities = section('DicomModalities', Configuration, 'an object', {});
    const pacs = [title, host, port];
    if (JSON.stringify(modalities[modality]) !== JSON.stringify(pacs))
      change(
        fileFor('DicomModalities', 'alara.json'),
        ['DicomModalities', modality],
        pacs,
        `DicomModalities: ${modality}`,
      );
    if (!holder('AlaraGateway'))
      change('alara.json', ['AlaraGateway'], { Modality: modality, KeepHours: 72 }, 'AlaraGateway');
  }

  const users = section('RegisteredUsers', Configuration, 'an object of names and passwords', {});
  if (users[username] !== password)
    change(
      fileFor('RegisteredUsers', 'credentials.json'),
      ['RegisteredUsers', username],
      password,
      `RegisteredUsers: ${username}`,
    );

  const given = contentOf('alara.json', readFileSync(new URL('alara.json', import.meta.url), 'utf8'));
  for (const [section, value] of Object.entries(given))
    if (!holder(section)) change('alara.json', [section], value, section);

  const timeout = settingOf('HttpTimeout');
  if (timeout === undefined || timeout === httpTimeout.usual)
    change(
      fileFor('HttpTimeout', 'alara.json'),
      ['HttpTimeout'],
      httpTimeout.short,
      `HttpTimeout: ${httpTimeout.short}`,
    );

  const changed = [...files].filter(([name]) => changes.some((line) => line.endsWith(`(${name})`)));
  const narrow = writeAll(
    changed.map(([, file]) => file),
    [...files.values()],
  );
  return [
    ...changes,
    ...narrow.map((path) => `${basename(path)} is new and readable by its owner only: let Orthanc read it`),
  ];
}

function read(path: string): File {
  const text = readFileSync(path, 'utf8');
  return { path, text, content: contentOf(path, text) };
}

function contentOf(path: string, text: string): File['content'] {
  const errors: ParseError[] = [];
  const content: unknown = parse(text, errors, { allowTrailingComma: true });
  const parsed = Configuration.safeParse(content);
  if (errors.length > 0 || !parsed.success)
    throw new ConfigError(
      `${path} is not an object in JSON: correct it, or restore it, or name it otherwise than .json; nothing was changed.`,
    );
  const names = parseTree(text)?.children?.map(({ children }) => String(children?.[0]?.value)) ?? [];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new ConfigError(`${path}: ${twice} stands there twice: keep one; nothing was changed.`);
  return parsed.data;
}

/**
 * All files or none, each complete. A file that is there keeps its owner and mode, and a link its target. A new one may hold
 * a secret: it is readable by the group of Orthanc's other files, which is the group that Orthanc runs with.
 *
 * @returns the new files for which that group is not known.
 */
function writeAll(files: readonly File[], others: readonly File[]): readonly string[] {
  const known = others
    .filter((other) => existsSync(other.path))
    .map((other) => ({ ...statSync(other.path), path: other.path }));
  const group = known.find(({ gid }) => gid !== 0)?.gid;
  const written = files.map(({ path, text }) => {
    const same = known.find((other) => other.path === path);
    const target = same ? realpathSync(path) : path;
    const temporary = join(dirname(target), `.${basename(target)}.alara`);
    return { path, text, same, target, temporary, before: same && readFileSync(target) };
  });
  const made: string[] = [];
  const replaced: (typeof written)[number][] = [];
  try {
    for (const { text, same, temporary } of written) {
      writeFileSync(temporary, text, { mode: 0o600 });
      made.push(temporary);
      if (same) chownSync(temporary, same.uid, same.gid);
      else if (group !== undefined) chownSync(temporary, statSync(temporary).uid, group);
      chmodSync(temporary, same ? same.mode : group === undefined ? 0o600 : 0o640);
    }
    for (const one of written) {
      renameSync(one.temporary, one.target);
      replaced.push(one);
    }
  } catch (error) {
    for (const { target, before } of replaced)
      if (before) writeFileSync(target, before);
      else rmSync(target, { force: true });
    for (const temporary of made) rmSync(temporary, { force: true });
    const { path, code } = error as NodeJS.ErrnoException;
    const which = written.find(({ temporary }) => temporary === path)?.path ?? path;
    throw new ConfigError(`${which} cannot be written (${code}); nothing was changed.`);
  }
  return group === undefined ? written.filter(({ same }) => !same).map(({ path }) => path) : [];
}
