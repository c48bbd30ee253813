import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createVault } from '../../functions/platform/vault.ts';

const vault = createVault(randomBytes(32));
const plain = fc.uint8Array({ maxLength: 300 });

async function* chunks(parts: readonly Uint8Array[]) {
  yield* parts;
}

test('what is sealed opens with its key and context', () => {
  fc.assert(
    fc.property(plain, fc.string(), (bytes, context) => {
      expect(vault.open(vault.seal(bytes, context), context)).toEqual(new Uint8Array(bytes));
    }),
  );
});

test('what is sealed piece by piece opens as the whole', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plain, { maxLength: 6 }), fc.string(), async (parts, context) => {
      const sealed = Buffer.concat(await Array.fromAsync(vault.sealStream(chunks(parts), context)));
      expect(Buffer.from(vault.open(sealed, context)).equals(Buffer.concat(parts))).toBe(true);
    }),
  );
});

test('any changed byte, lost tail, other context or other key is refused', () => {
  const stranger = createVault(randomBytes(32));
  fc.assert(
    fc.property(plain, fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, flip) => {
      const sealed = vault.seal(bytes, 'here');
      const changed = sealed.map((byte, i) => (i === at % sealed.length ? byte ^ flip : byte));
      expect(() => vault.open(changed, 'here')).toThrow();
      expect(() => vault.open(sealed.subarray(0, at % sealed.length), 'here')).toThrow();
      expect(() => vault.open(sealed, 'there')).toThrow();
      expect(() => stranger.open(sealed, 'here')).toThrow();
    }),
  );
});

test('equal values are sealed differently each time', () => {
  const [a, b] = [vault.seal(new Uint8Array(16), ''), vault.seal(new Uint8Array(16), '')];
  expect(a.subarray(12)).not.toEqual(b.subarray(12));
});

test('a key of another length is a bug', () => {
  expect(() => createVault(new Uint8Array(16))).toThrow('32 bytes');
});
