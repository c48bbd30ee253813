import { expect, test } from 'vitest';
import { table } from '../../../functions/cli/output/table.ts';
import { paragraph } from '../../../functions/cli/output/wrap.ts';

const widest = (text: string) => Math.max(...text.split('\n').map(({ length }) => length));
const digest = 'a'.repeat(64);

test('a table that fits has one line per row, and numbers align right', () => {
  expect(
    table(
      ['name', 'px', 'why'],
      [
        ['a', '8', 'x'],
        ['bcdef', '256', ''],
      ],
    ),
  ).toBe('name    px  why\na        8  x\nbcdef  256\n');
});

test('a column of words is wrapped to 80 columns, and no word is lost', () => {
  const words = 'one two three four five six seven eight nine ten '.repeat(4).trim();
  const text = table(['id', 'why', 'state'], [['a', words, 'done']], '  ');
  expect(widest(text)).toBeLessThanOrEqual(80);
  for (const column of [words.split(' ').toSorted(), ['done'], ['a']])
    expect(text.split(/\s+/)).toEqual(expect.arrayContaining(column));
  expect(text.split('\n')[1]).toMatch(/^ {2}a {3}one .* done$/);
});

test('a long first word gets a line of its own', () => {
  const text = table(
    ['id', 'tenant', 'state'],
    [
      [`job_${digest}`, 'clinic', 'done'],
      ['job_b', 'b', 'dead'],
    ],
  );
  expect(text).toBe(`id\n  tenant  state\njob_${digest}\n  clinic  done\njob_b\n  b       dead\n`);
});

test('a row with several long words becomes one line per cell, and each word stays whole', () => {
  const text = table(['channel', 'manifest', 'record'], [['live', digest, digest]]);
  expect(text).toBe(`channel   live\nmanifest  ${digest}\nrecord    ${digest}\n`);
  expect(widest(text)).toBeLessThanOrEqual(80);
});

test('a paragraph is wrapped at spaces, with its indents', () => {
  const text = paragraph('word '.repeat(40).trim(), '    ', '  fix: ');
  expect(widest(text)).toBeLessThanOrEqual(80);
  expect(text).toMatch(/^ {2}fix: word .*\n {4}word .*word\n$/s);
  expect(text.match(/word/g)).toHaveLength(40);
});
