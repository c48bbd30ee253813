import { type Stored, sampleBytes } from './film.ts';
import { through } from './tools.ts';

/** Encode a film with OpenJPEG. */
export const openJpeg = (film: Stored, options: readonly string[]) =>
  through(
    'opj_compress',
    (input, output) => ['-i', input, '-o', output, '-F', rawFormat(film), ...options],
    sampleBytes(film),
    ['film.rawl', 'film.j2k'],
  );

/** Decode a codestream with OpenJPEG. `film` has the decoded size. */
export const openJpegBack = (codestream: Uint8Array, film: Stored, options: readonly string[] = []): Stored =>
  samples(
    through('opj_decompress', (input, output) => ['-i', input, '-o', output, ...options], codestream, [
      'film.j2k',
      'film.rawl',
    ]),
    film,
  );

const rawFormat = ({ columns, rows, bits, signed }: Stored) => `${columns},${rows},1,${bits},${signed ? 's' : 'u'}`;

/** Encode an unsigned film with OpenJPH, in the order RPCL by default. */
export const openJph = (film: Stored, options: readonly string[]) =>
  through(
    'ojph_compress',
    (input, output) => [
      ...['-i', input, '-o', output, '-dims', `{${film.columns},${film.rows}}`, '-num_comps', '1'],
      ...['-signed', 'false', '-bit_depth', String(film.bits), '-downsamp', '{1,1}', ...options],
    ],
    sampleBytes(film),
    ['film.yuv', 'film.j2c'],
  );

/** Decode a codestream with OpenJPH. `film` has the decoded size. */
export const openJphBack = (codestream: Uint8Array, film: Stored, options: readonly string[] = []): Stored =>
  samples(
    through('ojph_expand', (input, output) => ['-i', input, '-o', output, ...options], codestream, [
      'film.j2c',
      'film.yuv',
    ]),
    film,
  );

/** Little-endian samples in the output of a tool. Only the stored bits count. */
function samples(bytes: Buffer, film: Stored): Stored {
  const size = film.bits > 8 ? 2 : 1;
  const sign = 2 ** (film.bits - 1);
  const values = Int32Array.from({ length: film.columns * film.rows }, (_, i) => {
    const value = bytes.readUIntLE(i * size, size) % (2 * sign);
    return film.signed && value >= sign ? value - 2 * sign : value;
  });
  return { ...film, values };
}
