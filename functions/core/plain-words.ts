import type { z } from 'zod';
import { messageOf } from './errors.ts';

/** What the codes of the operating system mean for a file, a folder or a port. */
const meanings: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'this user has no permission',
  EPERM: 'this user has no permission',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EEXIST: 'a file has this name',
  ENOTEMPTY: 'the folder is not empty',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EROFS: 'the disk is read-only',
  EIO: 'the disk reports an error',
  ELOOP: 'its links form a circle',
  ENAMETOOLONG: 'its name is too long',
  EMFILE: 'this process has too many open files',
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
};

/** A thrown error in words that need no knowledge of the operating system: `ENOENT: no such file …` is `it does not exist`. */
export function inPlainWords(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return meanings[code] ?? messageOf(error);
}

/** Why a text is not JSON: where it stops to be. The message of the parser quotes the text, and a text may contain a secret. */
export function jsonProblem(error: unknown): string {
  const [, line, column] = /line (\d+) column (\d+)/.exec(messageOf(error)) ?? [];
  return line === undefined ? 'is not JSON' : `is not JSON: see line ${line}, column ${column}`;
}

type Issue = z.core.$ZodIssue;

/** What is wrong with a value that does not match its schema. A message that the schema itself states is kept. */
export function issueInWords(issue: Issue): string {
  const { message } = issue;
  if (!/^(Invalid|Too (small|big)|Unrecognized)/.test(message)) return message;
  if (/received undefined$/.test(message)) return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${kind(issue.expected)}`;
    case 'unrecognized_keys':
      return `unknown key ${issue.keys.join(', ')}`;
    case 'invalid_value':
      return `expected ${issue.values.map(String).join(' or ')}`;
    case 'too_small':
      return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${amount(issue.minimum, issue.origin)}`;
    case 'too_big':
      return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${amount(issue.maximum, issue.origin)}`;
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return issue.format === 'regex' ? 'has a form that is not accepted' : `expected a valid ${issue.format}`;
    case 'invalid_key':
      return 'has a name that is not accepted';
    case 'invalid_union': {
      const forms = issue.errors.flatMap((errors) => errors.slice(0, 1).map(issueInWords));
      return forms.length > 0 ? [...new Set(forms)].join(', or ') : 'has none of the accepted forms';
    }
    default:
      return 'is not accepted';
  }
}

const kind = (expected: string) =>
  ({
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    object: 'an object',
    record: 'an object',
    array: 'a list',
    tuple: 'a list',
    null: 'null',
  })[expected] ?? expected;

function amount(limit: number | bigint, origin: string): string {
  const unit = { string: ' characters', array: ' entries', set: ' entries', object: ' entries' }[origin] ?? '';
  return `${limit}${unit}`;
}
