import { readFileSync } from 'node:fs';
import { inPlainWords } from '../core/plain-words.ts';
import { fail, ok, type Result } from '../core/result.ts';

/**
 * The source of the secret of a PACS. The configuration must not contain the secret, because configuration files are shown,
 * copied and kept in version control. A secret file has its own permissions, and secret stores can mount it.
 */
export type Credentials = {
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly passwordEnv?: string | undefined;
  readonly bearerTokenFile?: string | undefined;
};

/** The Authorization header of a request, or undefined. The file is read for each request, so a secret can be rotated. */
export function readSecret(credentials: Credentials): Result<string | undefined, string> {
  const { username, passwordFile, passwordEnv, bearerTokenFile } = credentials;
  if (bearerTokenFile !== undefined) {
    const token = fromFile('bearerTokenFile', bearerTokenFile);
    return token.ok ? ok(`Bearer ${token.value}`) : token;
  }
  if (username === undefined) return ok(undefined);
  const password =
    passwordFile === undefined ? fromEnvironment(passwordEnv ?? '') : fromFile('passwordFile', passwordFile);
  return password.ok ? ok(`Basic ${Buffer.from(`${username}:${password.value}`).toString('base64')}`) : password;
}

function fromFile(setting: string, path: string): Result<string, string> {
  try {
    // Editors add a line break at the end. A secret never ends with one.
    const secret = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return secret ? ok(secret) : fail(`${setting}: ${path} is empty.`);
  } catch (error) {
    return fail(`${setting}: ${path} cannot be read: ${inPlainWords(error)}.`);
  }
}

function fromEnvironment(name: string): Result<string, string> {
  const secret = process.env[name];
  return secret ? ok(secret) : fail(`passwordEnv: the environment variable ${name} is not set.`);
}
