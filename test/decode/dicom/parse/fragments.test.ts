import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fragmentTracker } from '../../../../functions/decode/dicom/parse/fragments.ts';

const header = (element: number, length: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(0xfffe, 0);
  bytes.writeUInt16LE(element, 2);
  bytes.writeUInt32LE(length, 4);
  return bytes;
};
const item = (bytes: Uint8Array) => Buffer.concat([header(0xe000, bytes.length), bytes]);
const delimiter = header(0xe0dd, 0);

test('fragments are followed to their end from every split, and a missing part is reported', () => {
  const inside = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 });
  const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.nat(50), inside, sizes, fc.nat(), (before, fragments, sizes, cutAt) => {
      const items = Buffer.concat(fragments.map(item));
      const file = Buffer.concat([Buffer.alloc(before, 0xfe), items, delimiter, Buffer.alloc(20)]);
      const length = cutAt % (file.length + 1);
      const tracker = fragmentTracker(before);
      for (let at = 0, i = 0; at < length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        tracker.update(file.subarray(at, Math.min(at + size, length)));
        at += size;
      }
      const lastByte = before + items.length;
      if (length >= lastByte) expect(tracker.minLength()).toBe(lastByte);
      // If the file is truncated within a fragment, it must be longer. Between two fragments or in a header, the length is unknown.
      const starts = [before];
      for (const { length } of fragments) starts.push((starts.at(-1) ?? 0) + 8 + length);
      const inFragment = starts.some(
        (start, i) => i < fragments.length && length >= start + 8 && length < (starts[i + 1] ?? 0),
      );
      if (inFragment) expect(tracker.minLength()).toBeGreaterThan(length);
    }),
  );
});

test('a tag that is not an item ends the fragments; readers report it', () => {
  const tracker = fragmentTracker(0);
  tracker.update(Buffer.concat([item(new Uint8Array(10)), Buffer.from('garbage, and more of it')]));
  expect(tracker.minLength()).toBe(18);
});
