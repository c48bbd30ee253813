import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Jwk, keyIdOf, subjectOf } from '../../../../lib/gateway/authorizer/verify.ts';

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
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
const rs256 = { alg: 'RS256', kid: 'rsa' };
const subject = (text: string) => subjectOf(text, keys, expected);

test('a valid token yields its subject, with RSA and with an elliptic curve', () => {
  expect(subject(token(rs256, claims, rsa.privateKey))).toBe('modality-7');
  expect(subject(token({ alg: 'ES256', kid: 'ec' }, { ...claims, aud: ['x', 'alara'] }, ec.privateKey))).toBe(
    'modality-7',
  );
});

describe('a token is rejected with', () => {
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const text = `${part({ alg: 'HS256', kid: 'rsa' })}.${part(claims)}`;
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const good = token(rs256, claims, rsa.privateKey);
  const [head, , signature] = good.split('.');
  const wrong: readonly [string, string][] = [
    ['another key', token(rs256, claims, other.privateKey)],
    ['a key of another type', token({ alg: 'ES256', kid: 'rsa' }, claims, rsa.privateKey)],
    ['an unknown key', token({ ...rs256, kid: 'gone' }, claims, rsa.privateKey)],
    ['no signature', `${part({ alg: 'none' })}.${part(claims)}.`],
    ['a public key as a shared secret', `${text}.${createHmac('sha256', pem).update(text).digest('base64url')}`],
    ['changed claims', `${head}.${part({ ...claims, sub: 'another' })}.${signature}`],
    ['an unknown critical extension', token({ ...rs256, crit: ['x'] }, claims, rsa.privateKey)],
    ['another issuer', token(rs256, { ...claims, iss: 'https://other.example' }, rsa.privateKey)],
    ['another audience', token(rs256, { ...claims, aud: 'other' }, rsa.privateKey)],
    ['a past expiry', token(rs256, { ...claims, exp: seconds - 61 }, rsa.privateKey)],
    ['no expiry', token(rs256, { ...claims, exp: undefined }, rsa.privateKey)],
    ['a future start', token(rs256, { ...claims, nbf: seconds + 61 }, rsa.privateKey)],
    ['no subject', token(rs256, { ...claims, sub: undefined }, rsa.privateKey)],
    ['parts that are no JSON', 'a.b.c'],
    ['a fourth part', `${good}.x`],
  ];
  test.each(wrong)('%s', (_, text) => expect(subject(text)).toBeUndefined());
});

test('the key id of a token is read without verification', () => {
  expect(keyIdOf(token(rs256, claims, rsa.privateKey))).toBe('rsa');
  expect(keyIdOf(token({ alg: 'RS256' }, claims, rsa.privateKey))).toBeUndefined();
  expect(keyIdOf('no token')).toBeUndefined();
});
