import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contain, type Film } from '../../functions/core/film.ts';
import { px } from '../../functions/core/units.ts';
import { isBlank, letterbox, normalise } from '../../functions/reading/preprocess.ts';

const side = fc.constantFrom(256, 320, 448, 512).map(px);
const length = fc.integer({ min: 1, max: 9000 }).map(px);

/** A film of any size up to `max`, in 8 or 16 bits. */
const filmUpTo = (max: number): fc.Arbitrary<Film> =>
  fc
    .tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }), fc.boolean())
    .chain(([width, height, deep]) =>
      (deep ? fc.uint16Array : fc.uint8Array)({ minLength: width * height, maxLength: width * height }).map(
        (pixels) => ({ width: px(width), height: px(height), pixels }),
      ),
    );

const sum = ({ pixels }: Film) => Array.from(pixels).reduce((total, value) => total + value, 0);

describe('contain', () => {
  test('fills the square along the longer side and never exceeds it', () => {
    fc.assert(
      fc.property(length, length, side, (width, height, square) => {
        const size = contain({ width, height }, square);
        expect(Math.max(size.width, size.height)).toBe(square);
        expect(Math.min(size.width, size.height)).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  test('keeps the aspect ratio to half a pixel, unless a side would vanish', () => {
    fc.assert(
      fc.property(length, length, side, (width, height, square) => {
        const size = contain({ width, height }, square);
        const exact = (square * Math.min(width, height)) / Math.max(width, height);
        const short = Math.min(size.width, size.height);
        if (exact >= 0.5) expect(Math.abs(short - exact)).toBeLessThanOrEqual(0.5 + 1e-9);
        else expect(short).toBe(1);
        expect(size.width >= size.height).toBe(width >= height || size.width === size.height);
      }),
    );
  });

  test.each([
    [1024, 800, 512, 512, 400],
    [700, 1000, 256, 179, 256],
    // 122.5 is rounded up, as floor(x + 0.5) in training, and not to the even number.
    [245, 512, 256, 123, 256],
    [100, 50, 512, 512, 256],
  ])('%i × %i in %i is %i × %i', (width, height, square, w, h) => {
    expect(contain({ width: px(width), height: px(height) }, px(square))).toEqual({ width: w, height: h });
  });
});

describe('letterbox', () => {
  const square = px(40);

  test('centres the film on black and keeps all pixels', () => {
    fc.assert(
      fc.property(filmUpTo(40), (film) => {
        const boxed = letterbox(film, square);
        const [left, top] = [Math.floor((40 - film.width) / 2), Math.floor((40 - film.height) / 2)];
        expect(boxed).toMatchObject({ width: 40, height: 40 });
        expect(boxed.pixels.constructor).toBe(film.pixels.constructor);
        expect(sum(boxed)).toBe(sum(film));
        film.pixels.forEach((value, i) => {
          const x = left + (i % film.width);
          const y = top + Math.floor(i / film.width);
          if (boxed.pixels[y * 40 + x] !== value) throw new Error(`${x}, ${y} is not where the film has it`);
        });
      }),
    );
  });

  test('keeps a film that fills the square', () => {
    const film = { width: square, height: square, pixels: new Uint8Array(1600) };
    expect(letterbox(film, square)).toBe(film);
  });
});

describe('normalise', () => {
  const scale = {
    mean: fc.double({ min: 0, max: 1, noNaN: true }),
    std: fc.double({ min: 0.05, max: 1, noNaN: true }),
  };

  test('scales each depth to [0, 1], then subtracts the mean and divides by the deviation', () => {
    const input = { mean: 0.5, std: 0.25 };
    const of = (pixels: Film['pixels']) => Array.from(normalise({ width: px(3), height: px(1), pixels }, input));
    expect(of(Uint8Array.of(0, 51, 255))).toEqual([-2, Math.fround(-1.2), 2]);
    expect(of(Uint16Array.of(0, 51 * 257, 65_535))).toEqual([-2, Math.fround(-1.2), 2]);
  });

  test('can be inverted exactly', () => {
    fc.assert(
      fc.property(filmUpTo(20), fc.record(scale), (film, input) => {
        const full = film.pixels instanceof Uint16Array ? 65_535 : 255;
        const back = normalise(film, input).map((value) => Math.round((value * input.std + input.mean) * full));
        expect(Uint16Array.from(back)).toEqual(Uint16Array.from(film.pixels));
      }),
    );
  });
});

describe('isBlank', () => {
  const cells = 100 * 100;
  const film = (value: (i: number) => number, deep = false): Film => ({
    width: px(100),
    height: px(100),
    pixels: new (deep ? Uint16Array : Uint8Array)(Array.from({ length: cells }, (_, i) => value(i))),
  });

  test('finds a flat film of any level blank, in both depths', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.boolean(), (level, deep) => {
        expect(isBlank(film(() => level * (deep ? 257 : 1), deep))).toBe(true);
      }),
    );
  });

  test('ignores noise, hot pixels, a marker and a thin bright frame', () => {
    const edge = (i: number) => i % 100 === 0 || i % 100 === 99 || i < 100 || i >= cells - 100;
    expect(isBlank(film((i) => 120 + ((i * 7919) % 9)))).toBe(true);
    expect(isBlank(film((i) => (i % 500 === 0 ? 255 : 4)))).toBe(true);
    expect(isBlank(film((i) => (i % 100 < 20 && i < 2000 ? 255 : 10)))).toBe(true);
    expect(isBlank(film((i) => (edge(i) ? 255 : 0)))).toBe(true);
    expect(isBlank(film((i) => (edge(i) ? 0 : 250)))).toBe(true);
  });

  test('finds unscaled 12-bit values in 16 bits blank, because they would be read as black', () => {
    expect(isBlank(film((i) => (i * 4095) / cells, true))).toBe(true);
    expect(isBlank(film((i) => (i * 65_535) / cells, true))).toBe(false);
  });

  test('accepts any film with contrast: a tenth of the range is enough', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 229 }), (level) => {
        expect(isBlank(film((i) => level + (i % 27)))).toBe(false);
        expect(isBlank(film((i) => (i < 800 ? 255 : level)))).toBe(false);
      }),
    );
  });

  test('has its limit at a sixteenth of the range between the 5th and the 95th percentile', () => {
    // Of the values 0 to 19, each on 5 % of the film, the lowest and the highest are ignored.
    const steps = (unit: number) => film((i) => Math.floor(i / 500) * unit, true);
    expect(isBlank(steps(Math.ceil(65_535 / 16 / 18)))).toBe(false);
    expect(isBlank(steps(Math.floor(65_535 / 16 / 18)))).toBe(true);
  });
});
