import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { encoder } from '../support/dicom/encoders.ts';
import { chest } from '../support/dicom/film.ts';
import { has } from '../support/dicom/tools.ts';

/** A film of the benchmark. The 1024 px film is square; the 2500 px film has the size of a flat detector. */
export type BenchFilm = {
  readonly format: string;
  readonly size: number;
  readonly path: string;
  readonly mediaType: string;
  readonly bytes: number;
};

export const sizes = { 1024: { columns: 1024, rows: 1024 }, 2500: { columns: 2500, rows: 3056 } } as const;
export type Size = keyof typeof sizes;

/** The formats by name. DICOM films have 12 bits. */
const dicomEncoders = {
  'DICOM native': 'explicit little endian',
  'DICOM RLE': 'RLE',
  'DICOM JPEG lossless': 'JPEG lossless, first-order prediction',
  'DICOM JPEG-LS': 'JPEG-LS lossless',
  'DICOM JPEG 2000': 'JPEG 2000 lossless',
  'DICOM HTJ2K': 'HTJ2K lossless, RPCL',
} as const;
export const formats = ['PNG', 'JPEG', ...Object.keys(dicomEncoders)];

const isDicom = (format: string): format is keyof typeof dicomEncoders => Object.hasOwn(dicomEncoders, format);

/** Write one film; undefined if this machine lacks the encoder of the format. */
export async function writeFilm(format: string, size: Size): Promise<BenchFilm | undefined> {
  if (isDicom(format) && !has(...encoder(dicomEncoders[format]).programs)) return undefined;
  const bytes = await encoded(format, size);
  const path = join(mkdtempSync(join(tmpdir(), 'alara-bench-')), 'film');
  writeFileSync(path, bytes);
  const mediaType = isDicom(format) ? 'application/dicom' : `image/${format.toLowerCase()}`;
  return { format, size, path, mediaType, bytes: bytes.length };
}

async function encoded(format: string, size: Size): Promise<Buffer> {
  if (isDicom(format)) return encoder(dicomEncoders[format]).encode(await chest({ ...sizes[size], bits: 12 }));
  const { columns: width, rows: height } = sizes[size];
  const film = sharp('test/films/00000442_000.png').toColourspace('b-w').resize({ width, height, fit: 'fill' });
  return format === 'PNG' ? film.png().toBuffer() : film.jpeg({ quality: 90 }).toBuffer();
}
