import sharp, { type Metadata, type Sharp } from 'sharp';
import type { Fault } from '../fault.ts';
import type { Film } from '../film.ts';
import { fail, ok, type Result } from '../result.ts';
import { px } from '../units.ts';
import { chroma } from './chroma.ts';
import { sniff } from './sniff.ts';

/** More than any radiograph detector or film digitiser makes. */
export const maxPixels = 64_000_000;
/** Below this a film is a thumbnail. */
export const minSide = px(128);
/** Mean difference between colour channels, as a share of full range, above which an image is in colour. */
const maxChroma = 0.02;

const damaged = (error: unknown): Result<never, Fault> =>
  fail({ code: 'corrupt_image', problem: error instanceof Error ? error.message : String(error) });

/**
 * PNG or JPEG bytes to one upright gray band. 16-bit films keep their depth; alpha is laid over black,
 * EXIF orientation applied. Refuses by name what is not a readable gray film.
 */
export async function decode(bytes: Uint8Array, mediaType: string): Promise<Result<Film, Fault>> {
  if (bytes.length === 0) return fail({ code: 'empty_body' });
  const found = sniff(bytes);
  if (!found) return fail({ code: 'not_an_image', declared: mediaType });
  if (found !== mediaType) return fail({ code: 'media_type_mismatch', declared: mediaType, found });
  try {
    // The header alone is read here, so that an image bomb is refused before a pixel is decoded.
    const header = await sharp(bytes, { limitInputPixels: false }).metadata();
    const refusal = inspect(header);
    return refusal ? fail(refusal) : await pixels(bytes, header);
  } catch (error) {
    return damaged(error);
  }
}

function inspect({ width, height, space }: Metadata): Fault | null {
  if (width * height > maxPixels)
    return { code: 'too_many_pixels', width: px(width), height: px(height), limit: maxPixels };
  if (Math.min(width, height) < minSide)
    return { code: 'too_small', shortSide: px(Math.min(width, height)), floor: minSide };
  if (space === 'cmyk') return { code: 'colour_image', problem: 'CMYK, a print colour space' };
  return null;
}

async function pixels(bytes: Uint8Array, { depth, channels, hasAlpha }: Metadata): Promise<Result<Film, Fault>> {
  const deep = depth === 'ushort';
  const gray = channels - (hasAlpha ? 1 : 0) === 1;
  const opened = sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error' }).autoOrient();
  const opaque = hasAlpha ? opened.flatten({ background: 'black' }) : opened;
  const space = deep ? (gray ? 'grey16' : 'rgb16') : gray ? 'b-w' : 'srgb';
  const { film, bands } = await raw(opaque.toColourspace(space), deep);
  if (bands === 1) return ok(film);
  const colour = chroma(film, bands);
  if (colour > maxChroma)
    return fail({ code: 'colour_image', problem: `its colour channels differ by ${(100 * colour).toFixed(1)} % of full range` });
  const { width, height } = film;
  const again = sharp(film.pixels, { raw: { width, height, channels: bands } });
  return ok((await raw(again.toColourspace(deep ? 'grey16' : 'b-w'), deep)).film);
}

/** Run a pipeline to raw pixels in its own depth. */
async function raw(pipeline: Sharp, deep: boolean): Promise<{ film: Film; bands: 1 | 2 | 3 | 4 }> {
  const { data, info } = await pipeline.raw({ depth: deep ? 'ushort' : 'uchar' }).toBuffer({ resolveWithObject: true });
  // A Buffer may be a view into a pool: words need a copy that starts on an even address.
  const words = () => new Uint16Array(new Uint8Array(data).buffer);
  return { film: { width: px(info.width), height: px(info.height), pixels: deep ? words() : data }, bands: info.channels };
}

/** Resize with the training kernel, in the film's own depth; no shrink-on-load, no sharpening. */
export async function resize(film: Film, { width, height }: Pick<Film, 'width' | 'height'>): Promise<Film> {
  if (film.width === width && film.height === height) return film;
  const deep = film.pixels instanceof Uint16Array;
  const source = sharp(film.pixels, {
    raw: { width: film.width, height: film.height, channels: 1 },
    limitInputPixels: maxPixels,
  });
  const resized = source.resize({ width, height, fit: 'fill', kernel: 'lanczos3', fastShrinkOnLoad: false });
  return (await raw(resized.toColourspace(deep ? 'grey16' : 'b-w'), deep)).film;
}
