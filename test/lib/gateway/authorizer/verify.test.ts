import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { publishedKeys } from '../../../../lib/gateway/authorizer/keys.ts';
import { type Jwk, subjectOf } from '../../../../lib/gateway/authorizer/verify.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keys: readonly Jwk[] = [
  { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa' },
  { ...ec.publicKey.export({ format: 'jwk' }), kid: 'ec' },
];
const now = new Date('2026-11-23T12:00:00Z');
const seconds = now.getTime() / 1000;
const expected = { issuer: 'https://issuer.example', audience: 'alara', now };
const claims = { iss: expected.issuer, aud: 'alara', sub: 'modality-7', exp: seconds + 600, nbf: seconds - 10 };

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
function token(header: Record<string, unknown>, body: object, key: KeyObject): string {
  const text = `${part(header)}.${part(body)}`;
  const mark = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${mark.toString('base64url')}`;
}
const rs256 = { alg: 'RS256', kid: 'rsa' };
const subject = (text: string) => subjectOf(text, keys, expected);

test('a token of the issuer for this audience names its subject, by RSA and by elliptic curve', () => {
  expect(subject(token(rs256, claims, rsa.privateKey))).toBe('modality-7');
  expect(subject(token({ alg: 'ES256', kid: 'ec' }, { ...claims, aud: ['x', 'alara'] }, ec.privateKey))).toBe(
    'modality-7',
  );
});

describe('is refused:', () => {
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const text = `${part({ alg: 'HS256', kid: 'rsa' })}.${part(claims)}`;
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const good = token(rs256, claims, rsa.privateKey);
  const [head, , mark] = good.split('.');
  const wrong: readonly [string, string][] = [
    ['another key', token(rs256, claims, other.privateKey)],
    ['a key of another kind', token({ alg: 'ES256', kid: 'rsa' }, claims, rsa.privateKey)],
    ['an unknown key', token({ ...rs256, kid: 'gone' }, claims, rsa.privateKey)],
    ['no signature', `${part({ alg: 'none' })}.${part(claims)}.`],
    ['a public key as a shared secret', `${text}.${createHmac('sha256', pem).update(text).digest('base64url')}`],
    ['claims that were changed', `${head}.${part({ ...claims, sub: 'another' })}.${mark}`],
    ['an extension nobody knows', token({ ...rs256, crit: ['x'] }, claims, rsa.privateKey)],
    ['another issuer', token(rs256, { ...claims, iss: 'https://other.example' }, rsa.privateKey)],
    ['another audience', token(rs256, { ...claims, aud: 'other' }, rsa.privateKey)],
    ['one that has expired', token(rs256, { ...claims, exp: seconds - 61 }, rsa.privateKey)],
    ['one that never expires', token(rs256, { ...claims, exp: undefined }, rsa.privateKey)],
    ['one that is not valid yet', token(rs256, { ...claims, nbf: seconds + 61 }, rsa.privateKey)],
    ['no subject', token(rs256, { ...claims, sub: undefined }, rsa.privateKey)],
    ['something else', 'a.b.c'],
    ['more parts', `${good}.x`],
  ];
  test.each(wrong)('%s', (_, text) => expect(subject(text)).toBeUndefined());
});

test('keys are asked for once an hour, and sooner for a key that is new, but not at every unknown one', async () => {
  let asked = 0;
  let kids = ['one'];
  const server = createServer((request, response) => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    if (request.url?.startsWith('/.well-known')) response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/keys` }));
    else {
      asked++;
      response.end(JSON.stringify({ keys: kids.map((kid) => ({ kid })) }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keysOf = publishedKeys(url);
  const at = (ms: number) => new Date(now.getTime() + ms);
  expect(await keysOf('one', at(0))).toEqual([{ kid: 'one' }]);
  await keysOf('one', at(1000));
  await keysOf('unknown', at(2000));
  expect(asked).toBe(1);
  kids = ['one', 'two'];
  expect(await keysOf('two', at(31_000))).toContainEqual({ kid: 'two' });
  await keysOf('one', at(31_000 + 3_600_001));
  expect(asked).toBe(3);
  await expect(publishedKeys(`${url}/`)('one', at(0))).rejects.toThrow('calls itself otherwise');
});
