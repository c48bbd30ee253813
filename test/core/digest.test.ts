import { expect, test } from 'vitest';
import { canonical, sha256 } from '../../functions/core/digest.ts';
import { sha256Sync } from '../../functions/platform/digest.ts';

test('computes the SHA-256 of FIPS 180-2 for bytes and for text, on the calling thread and off it', async () => {
  // FIPS 180-2, appendix B.1.
  const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  for (const data of ['abc', new TextEncoder().encode('abc')]) {
    expect(await sha256(data)).toBe(expected);
    expect(sha256Sync(data)).toBe(expected);
  }
});

test('canonical JSON sorts keys at every depth and keeps the order of arrays', () => {
  expect(canonical({ b: [2, 1], a: { d: 1, c: null } })).toBe('{"a":{"c":null,"d":1},"b":[2,1]}');
});
