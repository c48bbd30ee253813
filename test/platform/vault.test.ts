import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createVault } from '../../functions/platform/vault.ts';

const vault = createVault(randomBytes(32));
const plain = fc.uint8Array({ maxLength: 300 });

async function* chunks(parts: readonly Uint8Array[]) {
  yield* parts;
}

test('a sealed value opens with its key and context', () => {
  fc.assert(
    fc.property(plain, fc.string(), (bytes, context) => {
      expect(vault.open(vault.seal(bytes, context), context)).toEqual(new Uint8Array(bytes));
    }),
  );
});

test('a value that is sealed in chunks opens as a whole', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plain, { maxLength: 6 }), fc.string(), async (parts, context) => {
      const sealed = Buffer.concat(await Array.fromAsync(vault.sealStream(chunks(parts), context)));
      expect(Buffer.from(vault.open(sealed, context)).equals(Buffer.concat(parts))).toBe(true);
    }),
  );
});

test('a changed byte, a truncated value, another context or another key is rejected', () => {
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

/** The bytes in chunks of these sizes, repeatedly. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieces.at(-1)?.length ?? 0)
    pieces.push(bytes.subarray(at, at + (sizes[pieces.length % sizes.length] ?? 1)));
  return pieces;
}
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });

test('a sealed value opens in chunks of every size', async () => {
  await fc.assert(
    fc.asyncProperty(plain, fc.string(), sizes, async (bytes, context, sizes) => {
      const pieces = cut(vault.seal(bytes, context), sizes);
      const opened = Buffer.concat(await Array.fromAsync(vault.openStream(chunks(pieces), context)));
      expect(opened.equals(Buffer.from(bytes))).toBe(true);
    }),
  );
});

test('opening in chunks also detects a changed byte, a truncated value and another context, at the end at the latest', async () => {
  await fc.assert(
    fc.asyncProperty(plain, fc.nat(), fc.integer({ min: 1, max: 255 }), sizes, async (bytes, at, flip, sizes) => {
      const sealed = vault.seal(bytes, 'here');
      const open = (value: Uint8Array, context: string) =>
        Array.fromAsync(vault.openStream(chunks(cut(value, sizes)), context));
      await expect(
        open(
          sealed.map((byte, i) => (i === at % sealed.length ? byte ^ flip : byte)),
          'here',
        ),
      ).rejects.toThrow();
      await expect(open(sealed.subarray(0, at % sealed.length), 'here')).rejects.toThrow();
      await expect(open(sealed, 'there')).rejects.toThrow();
    }),
  );
});

test('equal values have a different sealed form each time', () => {
  const [a, b] = [vault.seal(new Uint8Array(16), ''), vault.seal(new Uint8Array(16), '')];
  expect(a.subarray(12)).not.toEqual(b.subarray(12));
});

test('a key of a wrong length throws', () => {
  expect(() => createVault(new Uint8Array(16))).toThrow('32 bytes');
});
