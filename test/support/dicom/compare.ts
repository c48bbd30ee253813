import { readFileSync } from 'node:fs';
import { type Decoded, type Film, white } from '../../../functions/core/film.ts';
import { decodeDicom } from '../../../functions/decode/dicom/decode.ts';
import { unwrap } from '../family.ts';
import { range, type Stored } from './film.ts';
import { dcmtk } from './tools.ts';

export const decoded = async (file: Uint8Array): Promise<Decoded> => unwrap(await decodeDicom(new Uint8Array(file)));

/** Gray level of each pixel from 0 to 1. */
export const grays = (film: Film): Float64Array => Float64Array.from(film.pixels, (value) => value / white(film));

/** A film with a window over all stored values (PS3.3 C.11.2.1.2.1), from 0 to 1. */
export function expected(film: Stored): Float64Array {
  const { low, high } = range(film);
  return Float64Array.from(film.values, (value) => (value - low) / (high - low));
}

export type Difference = { readonly most: number; readonly mean: number };

/** Differences of two films, as fractions of full range. */
export function difference(a: Float64Array, b: Float64Array): Difference {
  if (a.length !== b.length) throw new Error(`${a.length} pixels and ${b.length}`);
  let [most, sum] = [0, 0];
  for (const [i, value] of a.entries()) {
    const apart = Math.abs(value - (b[i] ?? Number.NaN));
    most = Math.max(apart, most);
    sum += apart;
  }
  return { most, mean: sum / a.length };
}

/** Whether two films are equal to the last bit. A matcher would take minutes to print the difference. */
export const same = (a: Film, b: Film): boolean =>
  a.width === b.width && a.height === b.height && white(a) === white(b) && difference(grays(a), grays(b)).most === 0;

/** A file in DCMTK's viewer with its first window, from 0 to 1. */
export function viewed(viewer: string, file: Uint8Array, options: readonly string[] = ['+Wi', '1']): Float64Array {
  const pgm = dcmtk(viewer, [...options, '+op'], file);
  const [head = '', columns, rows] = /^P5\s+(\d+) (\d+)\s+255\s/.exec(pgm.toString('latin1', 0, 40)) ?? [];
  const pixels = pgm.subarray(head.length);
  if (pixels.length !== Number(columns) * Number(rows)) throw new Error(`not a PGM file: ${pgm.subarray(0, 20)}`);
  return Float64Array.from(pixels, (value) => value / 255);
}

export const pydicom = (name: string) => readFileSync(`test/support/dicom/pydicom/${name}`);
