import { type Tag, tags } from '../../../core/dicom-dictionary.ts';
import type { Fault } from '../../../core/fault.ts';
import type { Film } from '../../../core/film.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import { px } from '../../../core/units.ts';
import { maxPixels } from '../../limits.ts';
import { resize } from '../../resize.ts';
import type { Attributes } from '../parse/attributes.ts';
import { foundNumbers } from '../parse/decimal.ts';
import type { Warn } from '../parse/header-error.ts';
import { numbersOf } from '../parse/numbers.ts';

/** A film as a viewer hangs it: the patient's left on the right, the head up, its pixels square. */
export type Upright = { readonly film: Film; readonly turned: string | undefined };

/** Below this a difference is rounding in the header; resampling would only blur. */
const squareEnough = 0.01;
/** Beyond this it is a mistake in the header: no detector has such pixels. */
const maxAspect = 4;

export async function uprightFilm(stored: Film, attributes: Attributes, warn: Warn): Promise<Result<Upright, Fault>> {
  const { aspect, source } = aspectOf(attributes, warn);
  if (!(aspect <= maxAspect && aspect >= 1 / maxAspect))
    return fail({
      code: 'unusable_header',
      problem: `its pixels are ${aspect.toFixed(2)} times as high as they are wide, by ${source}`,
    });
  const square = squareSize(stored, aspect);
  if (square.width * square.height > maxPixels) return fail({ code: 'too_many_pixels', ...square, limit: maxPixels });
  const film = await resize(stored, square);
  const turn = turnOf(attributes, warn);
  return ok(turn ? { film: turned(film, turn), turned: turn.words } : { film, turned: undefined });
}

/** The height of a pixel over its width, as the first attribute that is there has it; all list the rows' spacing first. */
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
        message: `${name} is not two numbers above 0; ${source ? `${source} was used instead` : 'the pixels were taken for square'}.`,
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

/** The side along which pixels are longer is drawn out, so that none of the other's are lost. */
function squareSize({ width, height }: Film, aspect: number): Pick<Film, 'width' | 'height'> {
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
  readonly words: string;
};

/**
 * How the film has to be turned, by where its rows and columns run to (PS3.3, C.7.6.1.1.1); of each direction the
 * first letter counts. Null where it stands upright or the header says nothing that can be used.
 */
function turnOf(attributes: Attributes, warn: Warn): Turn | null {
  const declared = attributes.codes(tags.patientOrientation);
  const [row = '', column = ''] = declared.map((direction) => direction.toUpperCase());
  const [right = '', down = ''] = [row.charAt(0), column.charAt(0)];
  const transpose = 'HF'.includes(right) && 'LR'.includes(down);
  const usable = (transpose || ('LR'.includes(right) && 'HF'.includes(down))) && right !== '' && down !== '';
  if (!usable && declared.some((direction) => direction !== ''))
    warn({
      code: 'orientation_unusable',
      message:
        'Patient Orientation (0020,0020) does not say how the film has to be turned; it was taken to be upright.',
      attribute: '(0020,0020)',
      ...(declared.every((direction) => /^[LRAPHF]{0,3}$/.test(direction)) && {
        found: declared.join('\\').slice(0, 64),
      }),
    });
  if (!usable || (right === 'L' && down === 'F')) return null;
  const [across, along] = transpose ? [down, right] : [right, down];
  return {
    transpose,
    mirror: across === 'R',
    flip: along === 'H',
    words: `from ${right}\\${down} to L\\F by Patient Orientation`,
  };
}

function turned({ width, height, pixels }: Film, { transpose, mirror, flip }: Turn): Film {
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
