import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeText } from '../../../../functions/decode/dicom/parse/charset.ts';

const read = (latin1: string, ...charset: string[]) =>
  decodeText(new Uint8Array(Buffer.from(latin1, 'latin1')), charset);

const byte = fc.nat(255).map((code) => String.fromCharCode(code));

describe('text in one character set', () => {
  test.each([
    ['ISO_IR 6', 'Test', 'Test'],
    ['ISO_IR 100', '\xc4\xe9', 'Äé'],
    ['ISO_IR 101', '\xb1\xe8', 'ąč'],
    ['ISO_IR 109', '\xa1\xe6', 'Ħĉ'],
    ['ISO_IR 110', '\xb9\xe6', 'šæ'],
    ['ISO_IR 144', '\xbb\xee', 'Лю'],
    ['ISO_IR 127', '\xc7\xe4', 'ال'],
    ['ISO_IR 126', '\xc4\xe9', 'Δι'],
    ['ISO_IR 138', '\xf9\xec', 'של'],
    ['ISO_IR 148', '\xd0\xfe', 'Ğş'],
    ['ISO_IR 203', '\xa4\xbd', '€œ'],
    ['ISO_IR 13', '\xd4\xcf\xc0\xde', 'ﾔﾏﾀﾞ'],
    ['ISO_IR 166', '\xb9\xd2', 'นา'],
    ['ISO_IR 192', '\xc3\x84\xe5\xb1\xb1', 'Ä山'],
    // The second byte of the first character is a backslash in ASCII.
    ['GB18030', '\xcc\x5c\x81\x39\xee\x39', '蘚㐀'],
    ['GBK', '\xcc\x5c', '蘚'],
    ['ISO 2022 IR 100', '\xc4', 'Ä'],
    // PS3.5, annex J: the same name twice.
    ['ISO_IR 192', 'Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1', 'Wang^XiaoDong=王^小東'],
    ['GB18030', 'Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab', 'Wang^XiaoDong=王^小东'],
  ])('%s', (term, stored, text) => {
    expect(read(stored, term)).toBe(text);
  });

  test.each([
    ['in the form of pydicom', ['ISO 2022 IR 6', 'ISO 2022 IR 100'], 'Buc^J\xe9r\xf4me', 'Buc^Jérôme'],
    ['declared as ASCII', ['ISO_IR 6'], 'Buc^J\xe9r\xf4me', 'Buc^Jérôme'],
    ['declared as ASCII, in UTF-8', ['ISO_IR 6'], 'Buc^J\xc3\xa9r\xc3\xb4me', 'Buc^Jérôme'],
    ['in Latin-1, declared as UTF-8', ['ISO_IR 192'], 'Buc^J\xe9r\xf4me', 'Buc^Jérôme'],
    ['in Latin-1 to its last letter, declared as UTF-8', ['ISO_IR 192'], 'Ren\xe9', 'René'],
    ['in an unknown set', ['ISO_IR 999'], 'Buc^J\xe9r\xf4me', 'Buc^Jérôme'],
    ['in a set with the name of an object property', ['constructor'], '\xc4', 'Ä'],
    ['in another set that the file names', ['', 'ISO 2022 IR 144'], '\xbb\xee', 'Лю'],
    [
      'Chinese without its escape sequences',
      ['', 'ISO 2022 IR 58'],
      'Zhang=\xd5\xc5^\xd0\xa1\xb6\xab',
      'Zhang=张^小东',
    ],
    ['Korean without its escape sequences', ['', 'ISO 2022 IR 149'], '\xfb\xf3^\xd1\xce\xd4\xd7', '洪^吉洞'],
    ['Japanese without its escape sequences', ['', 'ISO 2022 IR 87'], '\x8eR\x93c', '山田'],
    ['with escape sequences, and a byte outside of them', ['', 'ISO 2022 IR 100'], 'A\x1b-A\xe9^J\xe9', 'Aé^Jé'],
    ['of a table without this cell', ['', 'ISO 2022 IR 87'], 'A\x1b$B))\x1b(B', 'A?'],
    ['invalid in every set', ['ISO_IR 192', 'ISO_IR 6'], '\x81\xff', '\x81ÿ'],
  ])('a value is preserved: %s', (_, charset, stored, text) => {
    expect(read(stored, ...charset)).toBe(text);
  });

  test.each([
    'iso_ir 100',
    'ISO-IR 100',
    'ISO IR 100',
    'ISO_IR_100',
    'ISO_IR100',
    'iso 2022 ir 100',
    'ISO-2022-IR-100',
  ])('%s means ISO_IR 100 as well', (term) => {
    // In UTF-8, which is tried first for an unknown set, these bytes are one letter.
    expect(read('\xc3\x84', term)).toBe('Ã„');
  });

  test('only the bytes of the replacement character decode to the replacement character, in any set', () => {
    const terms = ['', 'ISO_IR 6', 'ISO_IR 100', 'ISO_IR 138', 'ISO_IR 166', 'ISO_IR 192', 'GB18030', 'ISO 2022 IR 13'];
    const more = ['ISO 2022 IR 87', 'ISO 2022 IR 149', 'ISO 2022 IR 58', 'none'];
    const term = fc.constantFrom(...terms, ...more);
    const piece = fc.oneof(
      fc.constantFrom('\x1b$B', '\x1b(B', '\x1b$)C', '\x1b-F', '\x1b', '^'),
      fc.string({ unit: byte }),
    );
    fc.assert(
      fc.property(fc.array(piece), fc.array(term, { maxLength: 3 }), (pieces, charset) => {
        const stored = pieces.join('');
        if (!stored.includes('\xef\xbf\xbd') && !stored.includes('\x84\x31\xa4\x37'))
          expect(read(stored, ...charset)).not.toContain('\ufffd');
      }),
    );
  });

  test('a file without a character set is read as UTF-8 if valid, otherwise as Latin-1', () => {
    expect(read('\xc3\x84')).toBe('Ä');
    expect(read('\xc4rzte')).toBe('Ärzte');
    expect(read('Test', '')).toBe('Test');
  });
});

describe('text with code extensions, from the examples of PS3.5', () => {
  test.each([
    [
      'H.3.1: Japanese, ideographs and hiragana',
      ['', 'ISO 2022 IR 87'],
      'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B',
      'Yamada^Tarou=山田^太郎=やまだ^たろう',
    ],
    [
      'H.3.2: Japanese, half-width katakana first',
      ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
      '\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J',
      'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
    ],
    [
      'I.2: Korean',
      ['', 'ISO 2022 IR 149'],
      'Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf',
      'Hong^Gildong=洪^吉洞=홍^길동',
    ],
    [
      'K.2: Chinese',
      ['', 'ISO 2022 IR 58'],
      'Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=',
      'Zhang^XiaoDong=张^小东=',
    ],
    ['JIS X 0212', ['', 'ISO 2022 IR 159'], 'A\x1b$(D0!\x1b(B', 'A丂'],
    [
      'Greek and Cyrillic beside Latin',
      ['ISO 2022 IR 100', 'ISO 2022 IR 126', 'ISO 2022 IR 144'],
      '\xc4\x1b-F\xc4\x1b-L\xbb',
      'ÄΔЛ',
    ],
    ['Thai', ['', 'ISO 2022 IR 166'], 'A\x1b-T\xb9', 'Aน'],
  ])('%s', (_, charset, stored, text) => {
    expect(read(stored, ...charset)).toBe(text);
  });

  test('a delimiter switches back to the first set', () => {
    expect(read('\x1b-F\xc4^\xc4\\\xc4', 'ISO 2022 IR 100', 'ISO 2022 IR 126')).toBe('Δ^Ä\\Ä');
  });

  test('an unknown escape sequence is removed', () => {
    expect(read('A\x1b%zB', '', 'ISO 2022 IR 87')).toBe('A%zB');
    expect(read('A\x1b', '', 'ISO 2022 IR 87')).toBe('A');
  });
});
