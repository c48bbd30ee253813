import { expect, test } from 'vitest';
import { record } from '../../../functions/cli/output/csv.ts';

test('quotes fields according to RFC 4180', () => {
  expect(record(['plain', 'a,b', 'say "no"', 'two\nlines', ''])).toBe('plain,"a,b","say ""no""","two\nlines",\r\n');
});
