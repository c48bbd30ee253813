import type { Size } from '../core/film.ts';

/** The length of a side after a number of halvings. Each halving rounds up. */
export const halved = (side: number, halvings: number): number => Math.ceil(side / 2 ** halvings);

/**
 * A film is decoded with at least this many times the resolution of the model. With half as many, more than 2 % of calls change:
 * docs/rendering.md has the measurements. The training has the same number (`training/alara_train/data/pixels.py`).
 */
export const oversampling = 4.8;

/**
 * How often the size of a film can be halved, such that the longer side keeps the oversampling.
 *
 * @param longSide the longer side that the models need. Undefined means the full size.
 * @param possible how often the format of the film allows to halve the size
 */
export function halvingsFor({ width, height }: Size, longSide: number | undefined, possible: number): number {
  if (longSide === undefined) return 0;
  const side = Math.max(width, height);
  let halvings = 0;
  while (halvings < possible && halved(side, halvings + 1) >= oversampling * longSide) halvings++;
  return halvings;
}
