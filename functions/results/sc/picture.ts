/** An 8-bit gray picture in row-major order. */
export type Picture = { readonly width: number; readonly height: number; readonly pixels: Uint8Array };

/** The size of a character cell, in dots. */
export const cell = { width: 6, height: 9 } as const;
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

/**
 * The printable ASCII characters from the space on, with 5 x 8 dots each. One byte per column, with the top dot in the lowest
 * bit.
 */
const glyphs = `
  0000000000 00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649562050 0004030000
  001c224100 0041221c00 2a1c7f1c2a 08083e0808 0080600000 0808080808 0060600000 2010080402
  3e5149453e 00427f4000 4261514946 2141454b31 1814127f10 2745454539 3c4a494930 0171090503
  3649494936 064949291e 0036360000 00b6760000 0814224100 1414141414 0041221408 0201510906
  324979413e 7e1111117e 7f49494936 3e41414122 7f4141221c 7f49494941 7f09090901 3e4149497a
  7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f020c027f 7f0408107f 3e4141413e
  7f09090906 3e4151215e 7f09192946 4649494931 01017f0101 3f4040403f 1f2040201f 3f4038403f
  6314081463 0708700807 6151494543 007f414100 0204081020 0041417f00 0402010204 8080808080
  0001020400 2054545478 7f48444438 3844444420 384444487f 3854545418 087e090102 18a4a4a47c
  7f08040478 00447d4000 4080847d00 7f10284400 00417f4000 7c04180478 7c08040478 3844444438
  fc24242418 18242418fc 7c08040408 4854545420 043f444020 3c4040207c 1c2040201c 3c4030403c
  4428102844 1ca0a0a07c 4464544c44 0008364100 00007f0000 0041360800 0804081008
`
  .trim()
  .split(/\s+/);

const unknown = glyphs['?'.charCodeAt(0) - 0x20] ?? '';

/**
 * Whether a dot of a character is set. The font is built in, because a container image may have no fonts. A character that is not
 * ASCII becomes a question mark.
 */
export function isDot(character: string, column: number, row: number): boolean {
  const glyph = glyphs[character.charCodeAt(0) - 0x20] ?? unknown;
  return ((Number.parseInt(glyph.slice(2 * column, 2 * column + 2), 16) >> row) & 1) === 1;
}
