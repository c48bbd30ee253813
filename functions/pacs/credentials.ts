import { readFileSync } from 'node:fs';
import { messageOf } from '../core/errors.ts';
import { fail, ok, type Result } from '../core/result.ts';

/**
 * Where the secret of a PACS lies. It never stands in the configuration itself, because such a file is shown, copied
 * and kept in version control; a file of its own has its own permissions and is what secret stores mount.
 */
export type Credentials = {
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly passwordEnv?: string | undefined;
  readonly bearerTokenFile?: string | undefined;
};

/** The Authorization header of a request, if there is one. Files are read anew, so that a secret can be rotated. */
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
    // An editor ends the last line; no secret ends in a line break.
    const secret = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return secret ? ok(secret) : fail(`${setting}: ${path} is empty.`);
  } catch (error) {
    return fail(`${setting}: ${path} cannot be read (${messageOf(error)}).`);
  }
}

function fromEnvironment(name: string): Result<string, string> {
  const secret = process.env[name];
  return secret ? ok(secret) : fail(`passwordEnv: the environment variable ${name} is not set.`);
}
