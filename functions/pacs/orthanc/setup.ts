import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { applyEdits, type JSONPath, modify } from 'jsonc-parser';
import { z } from 'zod';
import { ConfigError } from '../../platform/config.ts';
import defaults from './alara.json' with { type: 'json' };
import { Configuration, parseConfiguration, readConfigFiles, writeConfigFiles } from './config-files.ts';

export type OrthancSetup = {
  /** The folder of Orthanc's configuration and of alara.lua. */
  readonly folder: string;
  readonly username: string;
  readonly password: string;
  /** The PACS that receives the results by C-STORE, if Orthanc is a gateway to this PACS. */
  readonly forwardTo?: { readonly title: string; readonly host: string; readonly port: number } | undefined;
};

/** The name of the PACS behind the gateway, in the configuration of Orthanc. */
const modalityName = 'alara-pacs';

/** HTTP timeouts in seconds. With Orthanc's default, an event would wait for a minute if Alara does not answer. */
const httpTimeout = { orthancDefault: 60, short: 5 };

/**
 * Add the script, the settings and the user of Alara to a configuration of Orthanc. Existing scripts, users and settings stay.
 * A change is made in the file that has the section, because Orthanc rejects a section in two files. A second run changes
 * nothing.
 *
 * @returns one line per change.
 */
export function setUpOrthanc({ folder, username, password, forwardTo }: OrthancSetup): readonly string[] {
  const files = readConfigFiles(folder);
  const changes: string[] = [];
  const fileWith = (section: string) => [...files].find(([, { content }]) => section in content);

  function setValue(name: string, path: JSONPath, value: unknown, description: string): void {
    const file = files.get(name) ?? { path: join(folder, name), text: '{}\n', content: {} };
    const formattingOptions = { insertSpaces: true, tabSize: 2, eol: '\n' };
    const text = applyEdits(file.text, modify(file.text, path, value, { formattingOptions }));
    files.set(name, { ...file, text, content: parseConfiguration(file.path, text) });
    changes.push(`${description} (${name})`);
  }
  const settingOf = (section: string) => fileWith(section)?.[1].content[section];
  /** The content of a section that gets another entry. Throws ConfigError if the content has another type. */
  function section<Value>(name: string, schema: z.ZodType<Value>, expected: string, fallback: Value): Value {
    const [file, found] = fileWith(name) ?? [];
    if (file === undefined || found === undefined) return fallback;
    const parsed = schema.safeParse(found.content[name]);
    if (parsed.success) return parsed.data;
    throw new ConfigError(
      `${join(folder, file)}: ${name} is not ${expected}: correct the section; nothing was changed.`,
    );
  }
  const fileFor = (section: string, fallback: string) => fileWith(section)?.[0] ?? fallback;

  // The scripts are the last ones, in this order, because a later script with the same function would replace Alara's function.
  const scriptPaths = [...(forwardTo ? ['gateway.lua'] : []), 'alara.lua'].map((name) => resolve(folder, name));
  for (const script of scriptPaths)
    if (!existsSync(script))
      throw new ConfigError(`${script} does not exist: copy the script from functions/pacs/orthanc/.`);
  const scripts = section('LuaScripts', z.array(z.string()), 'a list of paths', []);
  const lastPaths = scripts.slice(-scriptPaths.length).map((path) => resolve(folder, path));
  if (lastPaths.join('\n') !== scriptPaths.join('\n')) {
    const name = fileFor('LuaScripts', 'alara.json');
    for (const [i, script] of scriptPaths.entries())
      setValue(name, ['LuaScripts', scripts.length + i], script, `LuaScripts: ${basename(script)} is last`);
    for (const [i, path] of [...scripts.entries()].reverse())
      if (scriptPaths.includes(resolve(folder, path)))
        setValue(name, ['LuaScripts', i], undefined, `LuaScripts: earlier entry ${path} removed`);
  }

  if (forwardTo) {
    const { title, host, port } = forwardTo;
    const modalities = section('DicomModalities', Configuration, 'an object', {});
    const pacs = [title, host, port];
    if (JSON.stringify(modalities[modalityName]) !== JSON.stringify(pacs))
      setValue(
        fileFor('DicomModalities', 'alara.json'),
        ['DicomModalities', modalityName],
        pacs,
        `DicomModalities: ${modalityName}`,
      );
    if (!fileWith('AlaraGateway'))
      setValue('alara.json', ['AlaraGateway'], { Modality: modalityName, KeepHours: 72 }, 'AlaraGateway');
  }

  const users = section('RegisteredUsers', Configuration, 'an object of names and passwords', {});
  if (users[username] !== password)
    setValue(
      fileFor('RegisteredUsers', 'credentials.json'),
      ['RegisteredUsers', username],
      password,
      `RegisteredUsers: ${username}`,
    );

  for (const [section, value] of Object.entries(defaults))
    if (!fileWith(section)) setValue('alara.json', [section], value, section);

  const timeout = settingOf('HttpTimeout');
  if (timeout === undefined || timeout === httpTimeout.orthancDefault)
    setValue(
      fileFor('HttpTimeout', 'alara.json'),
      ['HttpTimeout'],
      httpTimeout.short,
      `HttpTimeout: ${httpTimeout.short}`,
    );

  const changed = [...files].filter(([name]) => changes.some((line) => line.endsWith(`(${name})`)));
  const ownerOnly = writeConfigFiles(
    changed.map(([, file]) => file),
    [...files.values()],
  );
  return [
    ...changes,
    ...ownerOnly.map(
      (path) => `${basename(path)} is new and only its owner can read it: give Orthanc access to the file`,
    ),
  ];
}
