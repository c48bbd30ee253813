import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decode } from '../../functions/decode/decode.ts';
import { chest } from '../support/dicom/film.ts';
import { chestDataset } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { faultOf, unwrap } from '../support/family.ts';
import { jpeg, opened, phantom, png, ramp } from '../support/image-files.ts';

const film = phantom();
const image = () => opened(film).toColourspace('b-w');
const dicom = async () => part10(chestDataset(await chest({ columns: 160, rows: 140, bits: 8 })));
const ascii = (text: string) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(600)]);

describe('a file of an unsupported format is named', () => {
  test.each<[string, () => Buffer | Promise<Buffer>]>([
    ['TIFF', () => image().tiff().toBuffer()],
    ['TIFF', () => ascii('MM\0*\0\0\0\x08')],
    ['BigTIFF', () => image().tiff({ bigtiff: true }).toBuffer()],
    ['WebP', () => image().webp().toBuffer()],
    ['GIF', () => image().gif().toBuffer()],
    ['AVIF', () => image().avif({ effort: 0 }).toBuffer()],
    ['BMP', () => ascii('BM\x36\x10\0\0\0\0\0\0\x36\0\0\0')],
    ['HEIC', () => ascii('\0\0\0\x18ftypheic\0\0\0\0')],
    ['PDF', () => ascii('%PDF-1.7\n')],
    ['JPEG 2000', () => ascii('\0\0\0\x0cjP  \r\n\x87\n')],
    ['JPEG 2000', () => ascii('\xff\x4f\xff\x51\0\x29')],
    ['JPEG XL', () => ascii('\xff\x0a\x00')],
  ])('%s', async (found, file) => {
    for (const declared of ['image/png', 'image/jpeg', 'application/dicom', ''])
      expect(faultOf(await decode(await file(), declared))).toEqual({ code: 'unsupported_image_format', found });
  });

  test('packed files, by their compression', async () => {
    const packed = {
      gzip: gzipSync(await dicom()),
      ZIP: ascii('PK\x03\x04\x14\0\x08\0'),
      '7-Zip': ascii("7z\xbc\xaf'\x1c"),
    };
    for (const [found, file] of Object.entries(packed))
      expect(faultOf(await decode(file, 'application/dicom'))).toEqual({ code: 'packed_file', found });
  });

  test('but not unknown bytes', async () => {
    expect(faultOf(await decode(ascii('hello'), 'image/png'))).toEqual({ code: 'not_an_image', declared: 'image/png' });
  });
});

describe('the bytes decide, not the declared media type', () => {
  const files = {
    'image/png': () => png(film),
    'image/jpeg': () => jpeg(ramp()),
    'application/dicom': dicom,
  } as const;
  const kinds = Object.keys(files) as (keyof typeof files)[];

  test.each(kinds)('%s', async (found) => {
    const file = await files[found]();
    const plain = unwrap(await decode(file, found));
    expect(plain.warnings).toBeUndefined();
    for (const unspecific of ['', 'application/octet-stream', 'text/plain', 'binary/octet-stream'])
      expect(unwrap(await decode(file, unspecific))).toEqual(plain);
    for (const declared of kinds.filter((kind) => kind !== found)) {
      const read = unwrap(await decode(file, declared));
      expect(read.film).toEqual(plain.film);
      expect(read.warnings).toEqual([
        { code: 'media_type_mismatch', message: expect.stringContaining(declared), found },
      ]);
    }
  });

  test.each([
    ['image/x-png', 'image/png'],
    ['image/jpg', 'image/jpeg'],
    ['image/pjpeg', 'image/jpeg'],
    ['application/dicom+octet', 'application/dicom'],
    ['image/x-dicom', 'application/dicom'],
  ] as const)('%s is an alias of %s', async (alias, type) => {
    expect(unwrap(await decode(await files[type](), alias)).warnings).toBeUndefined();
  });
});
