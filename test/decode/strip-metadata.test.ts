import { describe, expect, test } from 'vitest';
import { exifOrientation } from '../../functions/decode/exif-orientation.ts';
import { sniff } from '../../functions/decode/sniff.ts';
import { strip } from '../../functions/decode/strip-metadata.ts';
import { unwrap } from '../support/family.ts';
import { chunk, exif, exifSegment, jpeg, phantom, png, ramp, segment, withSegments } from '../support/image-files.ts';

describe('strip', () => {
  const film = phantom();

  test('keeps only the chunks of a PNG that affect pixels', () => {
    const transparent = chunk('tRNS', Buffer.from([0, 200]));
    const clutter = [
      'gAMA',
      'cHRM',
      'sRGB',
      'iCCP',
      'tEXt',
      'zTXt',
      'iTXt',
      'eXIf',
      'sPLT',
      'acTL',
      'fdAT',
      'prVt',
    ].map((type) => chunk(type, Buffer.from(type)));
    const file = png(film, { before: [...clutter, transparent], after: clutter });
    const stripped = unwrap(strip(Buffer.concat([file, Buffer.from('trailing')]), 'image/png'));
    expect(stripped).toEqual({ bytes: png(film, { before: [transparent] }), orientation: 1, warnings: [] });
  });

  test('keeps only the segments of a JPEG that affect pixels', async () => {
    const file = await jpeg(ramp());
    const adobe = segment(0xee, Buffer.from('Adobe\0d\0\0\0\0\0', 'latin1'));
    const clutter = [0xe1, 0xe2, 0xed, 0xef, 0xfe].map((marker) => segment(marker, Buffer.from('anything')));
    const dressed = withSegments(file, ...clutter, adobe, ...clutter);
    const plain = unwrap(strip(file, 'image/jpeg'));
    expect(unwrap(strip(dressed, 'image/jpeg'))).toMatchObject({
      bytes: withSegments(plain.bytes, adobe),
      orientation: 1,
      warnings: [],
    });
  });

  test('finds the orientation', async () => {
    const six = exif([[0x0112, 3, 1, 6]]);
    expect(unwrap(strip(png(film, { after: [chunk('eXIf', six)] }), 'image/png')).orientation).toBe(6);
    expect(unwrap(strip(withSegments(await jpeg(ramp()), exifSegment(six)), 'image/jpeg')).orientation).toBe(6);
    const xmp = segment(0xe1, Buffer.from('http://ns.adobe.com/xap/1.0/\0<x/>', 'latin1'));
    expect(unwrap(strip(withSegments(await jpeg(ramp()), xmp), 'image/jpeg')).orientation).toBe(1);
  });
});

describe('orientation', () => {
  test.each([false, true])('is read in both byte orders; little-endian: %s', (little) => {
    expect(exifOrientation(exif([[0x0112, 3, 1, 8]], little))).toBe(8);
    expect(exifOrientation(exif([[0x0112, 4, 1, 3]], little))).toBe(3);
  });

  test('is undefined if the block has none', () => {
    const good = exif([
      [0x0100, 4, 1, 6],
      [0x0112, 3, 1, 6],
    ]);
    for (let length = 0; length < good.length - 8; length++)
      expect(exifOrientation(good.subarray(0, length))).toBeUndefined();
    expect(exifOrientation(exif([[0x0112, 3, 1, 0]]))).toBeUndefined();
    expect(exifOrientation(exif([[0x0112, 3, 1, 9]]))).toBeUndefined();
    expect(exifOrientation(exif([[0x0112, 2, 1, 6]]))).toBeUndefined();
    expect(exifOrientation(exif([]))).toBeUndefined();
    expect(exifOrientation(Buffer.concat([Buffer.from('XX'), good.subarray(2)]))).toBeUndefined();
    const beyond = Buffer.from(good);
    beyond.writeUInt32BE(0xffffffff, 4);
    expect(exifOrientation(beyond)).toBeUndefined();
  });

  test('does not depend on the position of the block in a larger buffer', () => {
    const shifted = Buffer.concat([Buffer.alloc(3), exif([[0x0112, 3, 1, 5]])]).subarray(3);
    expect(exifOrientation(shifted)).toBe(5);
  });
});

test('sniff uses only the first bytes', async () => {
  expect(sniff(png(phantom()))).toBe('image/png');
  expect(sniff(await jpeg(ramp()))).toBe('image/jpeg');
  for (const text of ['', 'GIF89a', 'II*\0', '\x89PNG', '%PDF-1.7'])
    expect(sniff(Buffer.from(text, 'latin1'))).toBeUndefined();
});
