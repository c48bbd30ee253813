import { type Tag, tags } from '../../../core/dicom-dictionary.ts';
import type { Fault } from '../../../core/fault.ts';
import type { Film, Size } from '../../../core/film.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import { px } from '../../../core/units.ts';
import { maxPixels } from '../../limits.ts';
import { resize } from '../../resize.ts';
import { type Attributes, numbersOf } from '../parse/attributes.ts';
import { foundNumbers } from '../parse/decimal.ts';
import type { Warn } from '../parse/header-error.ts';

/** A film with square pixels, the left of the patient on the right side, and the head up. */
export type Upright = {
  readonly film: Film;
  /** The size of the upright film if it were decoded in full size. */
  readonly fullSize: Size;
  /** A description of the rotation. */
  readonly turned: string | undefined;
};

/** A smaller deviation from 1 is a rounding error of the header. Resampling would only blur the film. */
const squareEnough = 0.01;
/** A larger aspect ratio is an error of the header: no detector has such pixels. */
const maxAspect = 4;

/** @param storedSize the size of the stored film in full size. `stored` may have a lower resolution. */
export async function uprightFilm(
  stored: Film,
  storedSize: Size,
  attributes: Attributes,
  warn: Warn,
): Promise<Result<Upright, Fault>> {
  const { aspect, source } = aspectOf(attributes, warn);
  if (!(aspect <= maxAspect && aspect >= 1 / maxAspect))
    return fail({
      code: 'unusable_header',
      problem: `the pixel aspect ratio by ${source} is ${aspect.toFixed(2)}, outside the range of 0.25 to 4`,
    });
  const square = squareSize(storedSize, aspect);
  if (square.width * square.height > maxPixels) return fail({ code: 'too_many_pixels', ...square, limit: maxPixels });
  const film = await resize(stored, squareSize(stored, aspect));
  const turn = turnOf(attributes, warn);
  if (!turn) return ok({ film, fullSize: square, turned: undefined });
  const fullSize = turn.transpose ? { width: square.height, height: square.width } : square;
  return ok({ film: turnFilm(film, turn), fullSize, turned: turn.description });
}

/** Whether the pixels of a film are square, or nearly so. */
export const hasSquarePixels = (attributes: Attributes): boolean =>
  Math.abs(aspectOf(attributes, () => {}).aspect - 1) <= squareEnough;

/** Height divided by width of a pixel, by the first usable attribute. All of the attributes state the row spacing first. */
function aspectOf(attributes: Attributes, warn: Warn): { readonly aspect: number; readonly source: string } {
  const unusable: Tag[] = [];
  let [aspect, source] = [1, ''];
  for (const [tag, name] of aspectSources) {
    const values = attributes.decimals(tag);
    const [vertical = 0, horizontal = 0] = values.map(({ value }) => value);
    if (vertical > 0 && horizontal > 0) {
      numbersOf(attributes, tag, name, warn);
      [aspect, source] = [vertical / horizontal, name];
      break;
    }
    if (values.some(({ value }) => value !== undefined)) unusable.push(tag);
  }
  for (const [tag, name] of aspectSources)
    if (unusable.includes(tag))
      warn({
        code: 'spacing_unusable',
        message: `${name} does not have two numbers above 0. ${source ? `${source} was used instead` : 'The decoder assumed square pixels'}.`,
        attribute: name.slice(-11),
        found: foundNumbers(attributes.codes(tag)),
      });
  return { aspect, source };
}

const aspectSources = [
  [tags.pixelAspectRatio, 'Pixel Aspect Ratio (0028,0034)'],
  [tags.imagerPixelSpacing, 'Imager Pixel Spacing (0018,1164)'],
  [tags.pixelSpacing, 'Pixel Spacing (0028,0030)'],
  [tags.nominalScannedPixelSpacing, 'Nominal Scanned Pixel Spacing (0018,2010)'],
] as const;

/** The size of the film with square pixels. The side with the longer pixel edge is enlarged, so no pixel is lost. */
function squareSize({ width, height }: Size, aspect: number): Size {
  if (Math.abs(aspect - 1) <= squareEnough) return { width, height };
  return aspect > 1
    ? { width, height: px(Math.round(height * aspect)) }
    : { width: px(Math.round(width / aspect)), height };
}

type Turn = {
  /** Rows of the stored film are columns of the upright one. */
  readonly transpose: boolean;
  readonly mirror: boolean;
  readonly flip: boolean;
  readonly description: string;
};

/**
 * The rotation and reflection that make the film upright, by the directions of rows and columns (PS3.3, C.7.6.1.1.1). Only the
 * first letter of each direction is used. Null if the film is upright, or if Patient Orientation is absent or unusable.
 */
function turnOf(attributes: Attributes, warn: Warn): Turn | null {
  const declared = attributes.codes(tags.patientOrientation);
  const [row = '', column = ''] = declared.map((direction) => direction.toUpperCase());
  const [right = '', down = ''] = [row.charAt(0), column.charAt(0)];
  const transpose = 'HF'.includes(right) && 'LR'.includes(down);
  const isUsable = (transpose || ('LR'.includes(right) && 'HF'.includes(down))) && right !== '' && down !== '';
  if (!isUsable && declared.some((direction) => direction !== ''))
    warn({
      code: 'orientation_unusable',
      message:
        'Patient Orientation (0020,0020) does not define a rotation of the film. The decoder assumed an upright film.',
      attribute: '(0020,0020)',
      ...(declared.every((direction) => /^[LRAPHF]{0,3}$/.test(direction)) && {
        found: declared.join('\\').slice(0, 64),
      }),
    });
  if (!isUsable || (right === 'L' && down === 'F')) return null;
  const [across, along] = transpose ? [down, right] : [right, down];
  return {
    transpose,
    mirror: across === 'R',
    flip: along === 'H',
    description: `from ${right}\\${down} to L\\F by Patient Orientation`,
  };
}

function turnFilm({ width, height, pixels }: Film, { transpose, mirror, flip }: Turn): Film {
  const [columns, rows] = transpose ? [height, width] : [width, height];
  const result = pixels instanceof Uint16Array ? new Uint16Array(pixels.length) : new Uint8Array(pixels.length);
  let at = 0;
  for (let y = 0; y < rows; y++) {
    const along = flip ? rows - 1 - y : y;
    for (let x = 0; x < columns; x++) {
      const across = mirror ? columns - 1 - x : x;
      result[at++] = pixels[transpose ? across * width + along : along * width + across] ?? 0;
    }
  }
  return { width: columns, height: rows, pixels: result };
}
