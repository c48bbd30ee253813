import { expect, test } from 'vitest';
import { record } from '../../../functions/cli/output/csv.ts';

test('fields are quoted as RFC 4180 says', () => {
  expect(record(['plain', 'a,b', 'say "no"', 'two\nlines', ''])).toBe('plain,"a,b","say ""no""","two\nlines",\r\n');
});
