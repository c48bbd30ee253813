import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sniff } from '../../functions/decode/sniff.ts';

const bytes = (text: string, length = text.length) => {
  const padded = new Uint8Array(length);
  padded.set(Buffer.from(text, 'latin1'));
  return padded;
};
const preamble = '\0'.repeat(128);

describe('the first bytes decide the type of a file', () => {
  test.each<[string, Uint8Array, ReturnType<typeof sniff>]>([
    ['PNG', bytes('\x89PNG\r\n\x1a\n'), 'image/png'],
    ['JPEG', bytes('\xff\xd8\xff\xe0'), 'image/jpeg'],
    ['a preamble and DICM', bytes(`${preamble}DICM`), 'application/dicom'],
    ['the preamble of a dual TIFF file', bytes(`II*\0${preamble.slice(4)}DICM`), 'application/dicom'],
    ['the preamble of a dual PNG file', bytes(`\x89PNG\r\n\x1a\n${preamble.slice(8)}DICM`), 'application/dicom'],
    ['a meta group without a preamble', bytes('\x02\0\0\0UL\x04\0\xb4\0\0\0'), 'application/dicom'],
    ['a bare data set, explicit', bytes('\x08\0\x05\0CS\x0a\0ISO_IR 100'), 'application/dicom'],
    ['a bare data set, implicit', bytes('\x08\0\x05\0\x0a\0\0\0ISO_IR 100'), 'application/dicom'],
    ['a bare data set, big endian', bytes('\0\x08\0\x05CS\0\x0aISO_IR 100'), 'application/dicom'],
  ])('%s', (_, file, type) => {
    expect(sniff(file)).toBe(type);
  });

  test.each<[string, Uint8Array]>([
    ['no bytes', bytes('')],
    ['text', bytes('a text that is longer than eight bytes')],
    ['DICM at another place', bytes(`${preamble}\0DICM`)],
    ['zeros', bytes('', 500)],
    ['a first element that is too long', bytes('\x08\0\x05\0\0\0\x0a\0')],
    ['a first element of another group', bytes('\x10\0\x10\0PN\x0a\0ALARA^TEST')],
    ['a high element of the first group', bytes('\x08\0\xff\0CS\x0a\0')],
    ['a truncated element', bytes('\x08\0\x05\0CS')],
    ['TypeScript', readFileSync('functions/decode/sniff.ts')],
    ['a ZIP archive', bytes('PK\x03\x04\x14\0\x08\0\x08\0')],
  ])('%s is not a supported type', (_, file) => {
    expect(sniff(file)).toBeUndefined();
  });
});
