import { cell, isDot } from './font.ts';

/** An 8-bit gray picture in row-major order. */
export type Picture = { readonly width: number; readonly height: number; readonly pixels: Uint8Array };

/** Pixels per dot of text, in both directions. */
const pixelsPerDot = 2;

/** The size of a block of text, with a margin on all sides. */
export const textSize = (lines: readonly string[]) => ({
  width: (Math.max(0, ...lines.map(({ length }) => length)) + 4) * cell.width * pixelsPerDot,
  height: (lines.length + 2) * lineHeight,
});

const lineHeight = (cell.height + 2) * pixelsPerDot;

/** A picture of text, white on black. */
export function textPicture(lines: readonly string[]): Picture {
  const { width, height } = textSize(lines);
  const pixels = new Uint8Array(width * height);
  lines.forEach((line, index) => {
    const top = (index + 1) * lineHeight;
    [...line].forEach((character, position) => {
      drawCharacter(pixels, width, (position + 2) * cell.width * pixelsPerDot, top, character);
    });
  });
  return { width, height, pixels };
}

function drawCharacter(pixels: Uint8Array, width: number, left: number, top: number, character: string): void {
  for (let y = 0; y < 8 * pixelsPerDot; y++)
    for (let x = 0; x < 5 * pixelsPerDot; x++)
      if (isDot(character, Math.floor(x / pixelsPerDot), Math.floor(y / pixelsPerDot)))
        pixels[(top + y) * width + left + x] = 255;
}

/** Pictures side by side on black, with their tops aligned. The width is even, because the length of a DICOM value must be even. */
export function sideBySide(pictures: readonly Picture[]): Picture {
  const total = pictures.reduce((sum, { width }) => sum + width, 0);
  const height = Math.max(0, ...pictures.map((picture) => picture.height));
  let left = 0;
  return composeOnBlack(total + (total % 2), height, pictures, ({ width }) => {
    left += width;
    return { left: left - width, top: 0 };
  });
}

/** Pictures one below the other on black, with their left edges aligned. */
export function stacked(pictures: readonly Picture[]): Picture {
  const width = Math.max(0, ...pictures.map((picture) => picture.width));
  const total = pictures.reduce((sum, { height }) => sum + height, 0);
  let top = 0;
  return composeOnBlack(width, total, pictures, ({ height }) => {
    top += height;
    return { left: 0, top: top - height };
  });
}

function composeOnBlack(
  width: number,
  height: number,
  pictures: readonly Picture[],
  place: (picture: Picture) => { readonly left: number; readonly top: number },
): Picture {
  const pixels = new Uint8Array(width * height);
  for (const picture of pictures) {
    const { left, top } = place(picture);
    for (let y = 0; y < picture.height; y++)
      pixels.set(picture.pixels.subarray(y * picture.width, (y + 1) * picture.width), (top + y) * width + left);
  }
  return { width, height, pixels };
}
