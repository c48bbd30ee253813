import { contain, type Film, type Size } from '../core/film.ts';
import { type Px, px } from '../core/units.ts';
import { oversampling } from './halving.ts';

/**
 * The side of the squares in which libvips averages a film around the kernel: such that the kernel shrinks by at least 2 (`gap` of
 * vips_resize). If a pixel has 16 bits, libvips takes several times as long for this as {@link shrinkFilm}. The results differ by at most
 * 10 of 65 535, except at saturated edges, where libvips clips between its vertical and its horizontal pass: docs/rendering.md. 1 if
 * libvips does not average, or if the squares do not divide the film.
 */
export function shrinkOf(film: Size, target: Size): number {
  const across = Math.floor(film.width / target.width / 2);
  const down = Math.floor(film.height / target.height / 2);
  return across === down && across > 1 && film.width % across === 0 && film.height % across === 0 ? across : 1;
}

/**
 * How much a film with square pixels can be shrunk for the models of all `sides`. The model of the longest side gets the pixels that it
 * would get without shrinking, but for the difference of {@link shrinkOf}. So does another model, or its film keeps the oversampling.
 *
 * @param size the size of the film as decoded
 * @param fullSize the size of the film in full size
 */
export function shrinkFor(size: Size, fullSize: Size, sides: readonly Px[]): number {
  const longest = px(Math.max(...sides));
  const shrink = shrinkOf(size, contain(fullSize, longest));
  const keeps = (side: Px) => Math.max(size.width, size.height) / shrink >= oversampling * side;
  const isHarmless = (side: Px) => keeps(side) || shrinkOf(size, contain(fullSize, side)) === shrink;
  return sides.every((side) => side === longest || isHarmless(side)) ? shrink : 1;
}

/** Average a 16-bit film in squares of `shrink` pixels. `shrink` divides both sides. */
export function shrinkFilm({ width, height, pixels }: Film & { readonly pixels: Uint16Array }, shrink: number): Film {
  const size = { width: px(width / shrink), height: px(height / shrink) };
  const means = new Uint16Array(size.width * size.height);
  averageSquares(pixels, width, shrink, means);
  return { ...size, pixels: means };
}

/** Average the rows of `pixels` in squares. Each mean is rounded. The number of means decides how many rows are read. */
export function averageSquares(pixels: Uint16Array, width: number, shrink: number, means: Uint16Array): void {
  if (shrink === 2) averagePairs(pixels, width, means);
  else averageAny(pixels, width, shrink, means);
}

/** The usual size of squares, in a third of the time. */
function averagePairs(pixels: Uint16Array, width: number, means: Uint16Array): void {
  for (let at = 0, to = 0; to < means.length; at += width)
    for (const end = at + width; at < end; at += 2, to++) {
      const below = at + width;
      means[to] =
        ((pixels[at] ?? 0) + (pixels[at + 1] ?? 0) + (pixels[below] ?? 0) + (pixels[below + 1] ?? 0) + 2) >> 2;
    }
}

function averageAny(pixels: Uint16Array, width: number, shrink: number, means: Uint16Array): void {
  const sums = new Uint32Array(width / shrink);
  const count = shrink * shrink;
  const half = count >> 1;
  for (let at = 0, to = 0; to < means.length; ) {
    sums.fill(0);
    for (let line = 0; line < shrink; line++)
      for (let column = 0; column < sums.length; column++) {
        let sum = sums[column] ?? 0;
        for (const end = at + shrink; at < end; at++) sum += pixels[at] ?? 0;
        sums[column] = sum;
      }
    for (let column = 0; column < sums.length; column++) means[to++] = ((sums[column] ?? 0) + half) / count;
  }
}
