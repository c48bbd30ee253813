import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { failureReasons } from '../../functions/api/stow/response.ts';
import { resultSopClasses, sopClasses } from '../../functions/core/dicom-dictionary.ts';
import type { FaultCode } from '../../functions/core/fault.ts';
import { advice } from '../../functions/core/fault-status.ts';
import { transferSyntaxes } from '../../functions/decode/dicom/parse/transfer-syntaxes.ts';
import { Follow, PacsEntry, Poll } from '../../functions/pacs/config.ts';

const conformance = readFileSync('docs/dicom-conformance.md', 'utf8');
const guide = readFileSync('docs/pacs.md', 'utf8');

/** The cells of the first table after a heading or a line, without its header. */
function table(text: string, after: string): string[][] {
  const at = text.indexOf(after);
  expect(at, after).toBeGreaterThanOrEqual(0);
  const lines = text.slice(at).split('\n');
  const from = lines.findIndex((line) => line.startsWith('|---'));
  const rest = lines.slice(from + 1);
  const until = rest.findIndex((line) => !line.startsWith('|'));
  return rest.slice(0, until).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

test('the conformance statement lists exactly the accepted SOP classes', () => {
  const taken = table(conformance, '## SOP classes').filter(([, , yes]) => yes);
  expect(taken.map(([name, uid]) => ({ uid, name }))).toEqual(sopClasses);
  expect(
    table(conformance, '## SOP classes').find(([, uid]) => uid === resultSopClasses.comprehensive3dSr),
  ).toBeDefined();
});

test('the conformance statement lists exactly the accepted transfer syntaxes', () => {
  expect(table(conformance, '## Transfer syntaxes').map(([, uid]) => uid)).toEqual(
    transferSyntaxes.map(({ uid }) => uid),
  );
});

test('every refusal is documented with its status', () => {
  for (const [codes = '', statuses = ''] of table(conformance, '## What is refused')) {
    const named = codes.split(', ').map((code) => code.replaceAll('`', '') as FaultCode);
    const given = statuses.split(', ').map(Number);
    expect(
      named.map((code) => advice[code].status),
      codes,
    ).toEqual(named.map((_, i) => given[i] ?? given[0]));
  }
});

test('every failure reason of STOW-RS is documented', () => {
  const documented = table(conformance, '| Failure Reason | when |').map(([reason]) =>
    Number.parseInt(reason ?? '', 16),
  );
  expect(new Set(documented)).toEqual(new Set(Object.values(failureReasons)));
});

test('every setting of a PACS is documented with its default', () => {
  const rows = table(guide, '## Settings');
  const documented = rows.flatMap(([names = '']) => [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  const refused = ['password', 'bearerToken', 'follow', 'poll'];
  const known = [
    ...Object.keys(PacsEntry.shape).filter((name) => !refused.includes(name)),
    ...Object.keys(Follow.shape).map((name) => `follow.${name}`),
    ...Object.keys(Poll.shape).map((name) => `poll.${name}`),
  ];
  expect(new Set(documented)).toEqual(new Set(known));
  const defaults = { ...PacsEntry.parse({ dicomWeb: 'http://a/b' }), ...Follow.parse({}) };
  const shown = Object.fromEntries(
    rows.map(([name = '', value = '']) => [name.replaceAll('`', '').replace('follow.', ''), value.replaceAll('`', '')]),
  );
  for (const name of [
    'tenant',
    'modalities',
    'results',
    'sendResultsOfStow',
    'timeoutSeconds',
    'maxFilmMb',
    'from',
    'everySeconds',
    'settleSeconds',
  ] as const) {
    const value = defaults[name];
    expect(shown[name]?.replaceAll(' ', ''), name).toBe(typeof value === 'string' ? value : JSON.stringify(value));
  }
});
