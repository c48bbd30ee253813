import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chroma } from '../../functions/decode/chroma.ts';

const colour = (length: number, ...values: number[]) =>
  Uint8Array.from({ length }, (_, i) => values[i % values.length] ?? 0);

describe('chroma', () => {
  test('is 0 for gray, 1 for pure colour and undefined for no pixels', () => {
    expect(chroma({ pixels: colour(300, 90, 90, 90) }, 3)).toBe(0);
    expect(chroma({ pixels: colour(300, 255, 0, 0) }, 3)).toBe(1);
    expect(chroma({ pixels: new Uint8Array(0) }, 3)).toBe(0);
  });

  test('uses the first three of four bands', () => {
    expect(chroma({ pixels: colour(400, 90, 90, 90, 0) }, 4)).toBe(0);
    expect(chroma({ pixels: colour(400, 0, 51, 0, 0) }, 4)).toBeCloseTo(0.2, 12);
  });

  test('is the same in both depths and for every dominant band', () => {
    const level = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(level, level, level, (r, g, b) => {
        const shallow = chroma({ pixels: colour(210, r, g, b) }, 3);
        const deep = Uint16Array.from(colour(210, b, r, g), (value) => value * 257);
        expect(chroma({ pixels: deep }, 3)).toBeCloseTo(shallow, 12);
        expect(shallow).toBeCloseTo((Math.max(r, g, b) - Math.min(r, g, b)) / 255, 12);
      }),
    );
  });

  test("of a marker on a gray film is the marker's fraction of the area", () => {
    const pixels = colour(3 * 512 * 512, 120, 120, 120);
    for (let row = 0; row < 64; row++) pixels.set(colour(3 * 64, 255, 0, 0), 3 * 512 * row);
    expect(chroma({ pixels }, 3)).toBeCloseTo(1 / 64, 3);
  });
});
