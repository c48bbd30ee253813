import sharp, { type Metadata, type Sharp } from 'sharp';
import type { Fault } from '../fault.ts';
import type { Film } from '../film.ts';
import { fail, ok, type Result } from '../result.ts';
import { px } from '../units.ts';
import { chroma } from './chroma.ts';
import type { Orientation } from './orientation.ts';
import { sniff } from './sniff.ts';
import { strip } from './strip.ts';

/** More than any detector or film digitiser makes: 14 × 17 inches at 50 µm are 61 million. */
export const maxPixels = 64_000_000;
/** What all bands of a decoded image may take: the largest film in 8-bit colour. */
const maxBytes = 3 * maxPixels;
/** Below this a film is a thumbnail. */
export const minSide = px(128);
/**
 * The chroma above which an image is in colour. Gray films saved as RGB have 0 and a red marker has its
 * share of the area; sepia or blue-based film scans start at 0.07, colour photographs at 0.1.
 */
const maxChroma = 0.02;

/** The interpretations that are read, as libvips calls them. */
const gray = { 'b-w': 'b-w', srgb: 'b-w', grey16: 'grey16', rgb16: 'grey16' } as const;
type Space = keyof typeof gray;
type Depth = 'uchar' | 'ushort';

/**
 * PNG or JPEG bytes to one upright gray band. 16-bit films keep their depth; alpha is laid over black,
 * EXIF orientation applied. Refuses by name what is not a readable gray film.
 */
export async function decode(bytes: Uint8Array, mediaType: string): Promise<Result<Film, Fault>> {
  if (bytes.length === 0) return fail({ code: 'empty_body' });
  const found = sniff(bytes);
  if (!found) return fail({ code: 'not_an_image', declared: mediaType });
  if (found !== mediaType) return fail({ code: 'media_type_mismatch', declared: mediaType, found });
  const stripped = strip(bytes, found);
  if (!stripped) return fail({ code: 'corrupt_image', problem: 'the file is cut off or its parts do not join up' });
  try {
    // The header alone is read here, so that an image bomb is refused before a pixel is decoded.
    const header = await sharp(stripped.bytes, { limitInputPixels: false }).metadata();
    const refusal = inspect(header);
    return refusal ? fail(refusal) : await pixels(stripped.bytes, header, stripped.orientation);
  } catch (error) {
    return fail({ code: 'corrupt_image', problem: complaint(error) });
  }
}

function inspect({ width, height, space, channels, depth }: Metadata): Fault | null {
  const limit = Math.min(maxPixels, Math.floor(maxBytes / (channels * (depth === 'ushort' ? 2 : 1))));
  if (width * height > limit) return { code: 'too_many_pixels', width: px(width), height: px(height), limit };
  if (Math.min(width, height) < minSide)
    return { code: 'too_small', shortSide: px(Math.min(width, height)), floor: minSide };
  if (!Object.hasOwn(gray, space))
    return { code: 'colour_image', problem: `its colour space is ${space}, neither gray nor RGB` };
  return null;
}

/** EXIF 2.32, 4.6.4 A: Orientation. sharp mirrors before it rotates, in whatever order it is asked. */
const upright: Record<Orientation, (image: Sharp) => Sharp> = {
  1: (image) => image,
  2: (image) => image.flop(),
  3: (image) => image.rotate(180),
  4: (image) => image.flip(),
  5: (image) => image.flip().rotate(90),
  6: (image) => image.rotate(90),
  7: (image) => image.flip().rotate(270),
  8: (image) => image.rotate(270),
};

async function pixels(bytes: Uint8Array, header: Metadata, orientation: Orientation): Promise<Result<Film, Fault>> {
  const space = header.space as Space;
  const depth = header.depth as Depth;
  // A codec's warning refuses: it is the only sign that the scan of a JPEG is damaged.
  const turned = upright[orientation](sharp(bytes, { failOn: 'warning', limitInputPixels: maxPixels }));
  const opaque = header.hasAlpha ? turned.flatten({ background: 'black' }) : turned;
  const { film, bands } = await raw(opaque.toColourspace(space), depth);
  if (bands === 1) return ok(film);
  const colour = chroma(film, bands);
  if (colour > maxChroma)
    return fail({
      code: 'colour_image',
      problem: `its colour channels differ by ${(100 * colour).toFixed(1)} % of full range`,
    });
  const { width, height } = film;
  const inColour = sharp(film.pixels, { raw: { width, height, channels: bands }, limitInputPixels: maxPixels });
  return ok((await raw(inColour.toColourspace(gray[space]), depth)).film);
}

/** Resize with the training kernel, in the film's own depth; no shrink-on-load, no sharpening. */
export async function resize(film: Film, { width, height }: Pick<Film, 'width' | 'height'>): Promise<Film> {
  if (film.width === width && film.height === height) return film;
  const deep = film.pixels instanceof Uint16Array;
  const source = sharp(film.pixels, {
    raw: { width: film.width, height: film.height, channels: 1 },
    limitInputPixels: maxPixels,
  });
  const resized = source.resize({ width, height, fit: 'fill', kernel: 'lanczos3' });
  return (await raw(resized.toColourspace(deep ? 'grey16' : 'b-w'), deep ? 'ushort' : 'uchar')).film;
}

/** Run a pipeline to raw pixels. */
async function raw(pipeline: Sharp, depth: Depth): Promise<{ film: Film; bands: 1 | 2 | 3 | 4 }> {
  const { data, info } = await pipeline.raw({ depth }).toBuffer({ resolveWithObject: true });
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  // Words need an even address, which only a copy is sure to have.
  const values = depth === 'ushort' ? new Uint16Array(bytes.slice().buffer) : bytes;
  return { film: { width: px(info.width), height: px(info.height), pixels: values }, bands: info.channels };
}

/** The first line of what libvips says, which repeats itself for every scan line. */
function complaint(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [first] = text.replace('Input buffer has corrupt header:', '').trim().split('\n');
  return first || 'its header is damaged';
}
