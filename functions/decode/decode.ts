import sharp, { type Metadata, type Sharp } from 'sharp';
import { messageOf } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import type { Decoded, Film } from '../core/film.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { px } from '../core/units.ts';
import type { ReadingWarning } from '../core/warning.ts';
import { chroma } from './chroma.ts';
import { darkness } from './darkness.ts';
import { decodeDicom } from './dicom/decode.ts';
import type { Report } from './dicom/unexpected-error.ts';
import type { Orientation } from './exif-orientation.ts';
import { maxPixels, minSide } from './limits.ts';
import { type Depth, raw } from './raw.ts';
import { declaredType, type MediaType, type PictureType, sniff, unreadable } from './sniff.ts';
import { type Stripped, strip } from './strip.ts';

/** What all bands of a decoded image may take: the largest film in 8-bit colour. */
const maxBytes = 3 * maxPixels;
/**
 * The chroma above which an image is in colour. Gray films saved as RGB have 0 and a red marker has its
 * share of the area; sepia or blue-based film scans start at 0.07, colour photographs at 0.1.
 */
const maxChroma = 0.02;

/** The interpretations that are read, as libvips calls them. */
const gray = { 'b-w': 'b-w', srgb: 'b-w', grey16: 'grey16', rgb16: 'grey16' } as const;
type Space = keyof typeof gray;

/**
 * The bytes of a film to one upright gray film. The bytes decide the format; the declared media type only adds a warning
 * where it names another one. Unexpected errors while a DICOM file is decoded are reported.
 */
export async function decode(
  bytes: Uint8Array,
  mediaType: string,
  report: Report = () => {},
): Promise<Result<Decoded, Fault>> {
  const found = sniff(bytes);
  if (!found) return fail(unreadable(bytes, mediaType));
  const decoded = found === 'application/dicom' ? await decodeDicom(bytes, report) : await decodePicture(bytes, found);
  if (!decoded.ok) return decoded;
  const { warnings = [], ...rest } = decoded.value;
  const all = [mismatch(mediaType, found), ...warnings, darkness(rest.film)].filter((warning) => warning !== undefined);
  return ok(all.length > 0 ? { ...rest, warnings: all } : rest);
}

function mismatch(declared: string, found: MediaType): ReadingWarning | undefined {
  const named = declaredType(declared);
  if (!named || named === found) return undefined;
  return {
    code: 'media_type_mismatch',
    message: `The file was declared as ${named}; its bytes are ${found}, and it was read as that.`,
    found,
  };
}

/**
 * PNG or JPEG bytes to one upright gray band. 16-bit films keep their depth; alpha is laid over black,
 * EXIF orientation applied. Refuses by name what is not a readable gray film.
 */
async function decodePicture(bytes: Uint8Array, mediaType: PictureType): Promise<Result<Decoded, Fault>> {
  const checked = strip(bytes, mediaType);
  if (!checked.ok) return checked;
  const decoded = await decodeStripped(checked.value);
  if (decoded.ok || decoded.fault.code !== 'corrupt_image') return decoded;
  for (const other of checked.value.alternatives?.() ?? []) {
    const repaired = await decodeStripped(other);
    if (repaired.ok) return repaired;
  }
  return decoded;
}

async function decodeStripped({ bytes, orientation, warnings }: Stripped): Promise<Result<Decoded, Fault>> {
  try {
    // The header alone is read here, so that an image bomb is refused before a pixel is decoded.
    const header = await sharp(bytes, { limitInputPixels: false }).metadata();
    const refusal = inspect(header);
    if (refusal) return fail(refusal);
    const film = await pixels(bytes, header, orientation);
    return film.ok ? ok({ film: film.value, warnings }) : film;
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
  // What is harmless was repaired before: a codec's warning is a sign of damage.
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

/** The first line of what libvips says, which repeats itself for every scan line. */
function complaint(error: unknown): string {
  const text = messageOf(error);
  const [first] = text.replace('Input buffer has corrupt header:', '').trim().split('\n');
  return first || 'its header is damaged';
}
