import sharp from 'sharp';

/** Stored values in the form that an encoder reads, row by row. */
export type Stored = {
  readonly columns: number;
  readonly rows: number;
  /** Bits stored. More than 8 bits are stored in words of 16. */
  readonly bits: number;
  readonly signed: boolean;
  readonly values: Int32Array;
};

type Wanted = { readonly columns: number; readonly rows: number; readonly bits: number; readonly signed?: boolean };

/**
 * A chest film of any size and depth: an NIH film, resized, with its values spread over `bits` and noise below the eighth bit.
 * So every bit matters, and a codec sees an image like that of a detector.
 */
export async function chest(
  { columns, rows, bits, signed = false }: Wanted,
  source = 'test/films/00000442_000.png',
): Promise<Stored> {
  const gray = await sharp(source)
    .flatten({ background: 'black' })
    .toColourspace('b-w')
    .resize({ width: columns, height: rows, fit: 'fill', kernel: 'lanczos3' })
    .raw()
    .toBuffer();
  const top = 2 ** bits - 1;
  const noise = random(bits);
  const values = Int32Array.from(gray, (value) => {
    const spread = (value * top) / 255 + (bits > 8 ? ((noise() - 0.5) * top) / 255 : 0);
    return Math.min(top, Math.max(0, Math.round(spread))) - (signed ? 2 ** (bits - 1) : 0);
  });
  return { columns, rows, bits, signed, values };
}

/** The same film with complemented values, as MONOCHROME1 stores it. */
export const complement = (film: Stored): Stored => {
  const { low, high } = range(film);
  return { ...film, values: film.values.map((value) => low + high - value) };
};

/** The least and the greatest value of the stored bits. */
export const range = ({ bits, signed }: Pick<Stored, 'bits' | 'signed'>) => {
  const low = signed ? -(2 ** (bits - 1)) : 0;
  return { low, high: low + 2 ** bits - 1 };
};

/** Stored values as little-endian words, or as bytes if they fit. */
export function sampleBytes({ bits, values }: Stored): Buffer {
  if (bits <= 8) return Buffer.from(Uint8Array.from(values));
  return Buffer.from(Uint16Array.from(values).buffer);
}

/** Numbers in [0, 1), equal for equal seeds (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
