import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quotedPath, shellQuoted } from '../../functions/platform/shell-quoted.ts';

/** The function of the page, which runs in a browser and imports nothing. */
const page = readFileSync('functions/web/page.js', 'utf8');
const ofPage: typeof shellQuoted = new Function(
  `${/function shellQuoted\(text\) \{.*?\n\}/s.exec(page)?.[0]}; return shellQuoted;`,
)();

/** The words into which a shell splits a line. */
const words = (line: string) =>
  execFileSync('sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);

const hostile = [
  'a b.png',
  "o'neil.png",
  '"quoted".png',
  '$(touch owned).png',
  '`touch owned`.png',
  'HOME=$HOME.png',
  'two\nlines.png',
  'ends with a line feed\n',
  'tab\tand\rreturn\x1b[31m\x07\x7f.png',
  '-o.png',
  '-',
  'a;touch owned',
  'a&touch owned|b>c<d',
  '*?[a-z]{b,c}~!#.png',
  'back\\slash\\.png',
  'ünïcode – 胸部.png',
  '',
];

describe.each([
  ['the service', shellQuoted],
  ['the page', ofPage],
])('a shell word, quoted by %s', (_, quote) => {
  test.each(hostile)('%j', (text) => {
    expect(words(quote(text))).toEqual([text]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters of a terminal, except for the line feed.
    expect(quote(text)).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
  });

  test('any text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((one) => !/[\0\ud800-\udfff]/.test(one));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (texts) => {
        expect(words(texts.map(quote).join(' '))).toEqual(texts);
      }),
      { numRuns: 30 },
    );
  });
});

test('reads a file whose name resembles an option or standard input', () => {
  const folder = mkdtempSync(join(tmpdir(), 'alara-quoted-'));
  try {
    for (const name of ['-', '-n', '--help', "-'; touch owned; '"]) {
      writeFileSync(join(folder, name), name);
      expect(execFileSync('sh', ['-c', `cat ${quotedPath(name)}`], { cwd: folder, encoding: 'utf8' })).toBe(name);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
