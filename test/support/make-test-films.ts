/**
 * Makes the films of GET /v1/test-films from one film of test/films: node test/support/make-test-films.ts. The files are committed, so
 * that they are the same everywhere: another version of an encoder would change the ids of their readings.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { chest } from './dicom/film.ts';
import { chestDataset, text } from './dicom/instance.ts';
import { part10 } from './dicom/part10.ts';
import { tags } from './dicom/tags.ts';

const folder = 'functions/api/test-films';
const source = 'test/films/00000442_000.png';
const gray = (side: number) => sharp(source).flatten({ background: 'black' }).toColourspace('b-w').resize(side, side);
const write = (name: string, bytes: Uint8Array) => writeFileSync(join(folder, name), bytes);

const jpeg = await gray(448).jpeg({ quality: 85 }).toBuffer();
write('chest.jpg', jpeg);
write('damaged.jpg', jpeg.subarray(0, Math.floor(jpeg.length / 2)));
write('too-small.png', await gray(64).png().toBuffer());
write('unsupported.tiff', await gray(128).tiff({ compression: 'deflate' }).toBuffer());

const deep = await chest({ columns: 320, rows: 320, bits: 16 }, source);
write('chest-16-bit.dcm', part10(chestDataset(deep)));
// 14 bits in a file of 16: all gray values are in the darkest quarter.
const dark = Uint16Array.from(deep.values, (value) => value >> 2);
write(
  'dark-16-bit.png',
  await sharp(dark, { raw: { width: 320, height: 320, channels: 1 } })
    .toColourspace('grey16')
    .png({ compressionLevel: 9 })
    .toBuffer(),
);

const view = await chest({ columns: 256, rows: 256, bits: 8 }, source);
write('lateral.dcm', part10(chestDataset(view, [text(tags.ViewPosition, 'CS', 'LL')])));

const rings = Uint8Array.from({ length: 256 * 256 }, (_, i) => {
  const [x, y] = [(i % 256) - 128, Math.floor(i / 256) - 128];
  return 128 + Math.round(100 * Math.sin(Math.hypot(x, y) / 6));
});
write(
  'not-a-chest.png',
  await sharp(rings, { raw: { width: 256, height: 256, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer(),
);
