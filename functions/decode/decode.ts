import sharp, { type Metadata, type Sharp } from 'sharp';
import { messageOf } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import type { Decoded, Film } from '../core/film.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { px } from '../core/units.ts';
import { chroma } from './chroma.ts';
import { darkFilmWarning } from './darkness.ts';
import { type DecodeOptions, decodeDicom } from './dicom/decode.ts';
import type { Orientation } from './exif-orientation.ts';
import { decodeGrayPng } from './gray-png.ts';
import type { JpegFrame } from './jpeg/frame.ts';
import { maxPixels, minSide } from './limits.ts';
import { type Depth, toRawPixels } from './raw.ts';
import { mediaTypeMismatch, type PictureType, sniff, unsupportedFormatFault } from './sniff.ts';
import { type Stripped, strip } from './strip-metadata.ts';

/** Size limit of a decoded image with all bands: the largest film in 8-bit colour. */
const maxBytes = 3 * maxPixels;
/**
 * The chroma above which an image is in colour. A gray film that is saved as RGB has 0. A red marker adds its share of the
 * area. Film scans in sepia or on a blue base start at 0.07, colour photographs at 0.1.
 */
const maxChroma = 0.02;

/** The gray colour space per supported colour space, by the names of libvips. */
const graySpaces = { 'b-w': 'b-w', srgb: 'b-w', grey16: 'grey16', rgb16: 'grey16' } as const;
type Space = keyof typeof graySpaces;

/**
 * Decode the bytes of a file to one upright gray film. The bytes decide the format. If the declared media type names another
 * format, the result has a warning.
 */
export async function decode(
  bytes: Uint8Array,
  mediaType: string,
  options: DecodeOptions = {},
): Promise<Result<Decoded, Fault>> {
  const found = sniff(bytes);
  if (!found) return fail(unsupportedFormatFault(bytes, mediaType));
  const decoded = found === 'application/dicom' ? await decodeDicom(bytes, options) : await decodePicture(bytes, found);
  if (!decoded.ok) return decoded;
  const { warnings = [], ...rest } = decoded.value;
  const all = [mediaTypeMismatch(mediaType, found), ...warnings, darkFilmWarning(rest.film)].filter(
    (warning) => warning !== undefined,
  );
  return ok(all.length > 0 ? { ...rest, warnings: all } : rest);
}

/**
 * Decode a PNG or JPEG file to one upright gray band. A 16-bit film keeps 16 bits. Transparent pixels are blended with black,
 * and the EXIF orientation is applied. The result is a fault if the file is not a readable gray film.
 */
async function decodePicture(bytes: Uint8Array, mediaType: PictureType): Promise<Result<Decoded, Fault>> {
  const gray = mediaType === 'image/png' && decodeGrayPng(bytes);
  if (gray) return ok({ film: gray });
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

async function decodeStripped({ bytes, orientation, warnings, frame }: Stripped): Promise<Result<Decoded, Fault>> {
  try {
    // Only the header is read here, so an image bomb is refused before any pixel is decoded.
    const header = grayHeader(frame) ?? (await sharp(bytes, { limitInputPixels: false }).metadata());
    const refusal = headerFault(header);
    if (refusal) return fail(refusal);
    const film = await decodePixels(bytes, header, orientation);
    return film.ok ? ok({ film: film.value, warnings }) : film;
  } catch (error) {
    return fail({ code: 'corrupt_image', problem: codecError(error) });
  }
}

/** What a decoder needs of a header. */
type Header = Pick<Metadata, 'width' | 'height' | 'space' | 'channels' | 'depth' | 'hasAlpha'>;

/** The header of a gray JPEG file, which was parsed already: libvips takes 1 ms for it. Undefined for any other file. */
function grayHeader(frame: JpegFrame | undefined): Header | undefined {
  if (frame?.components.length !== 1 || frame.rows === 0 || frame.columns === 0) return undefined;
  const { columns: width, rows: height } = frame;
  return { width, height, space: 'b-w', channels: 1, depth: 'uchar', hasAlpha: false };
}

function headerFault({ width, height, space, channels, depth }: Header): Fault | null {
  const limit = Math.min(maxPixels, Math.floor(maxBytes / (channels * (depth === 'ushort' ? 2 : 1))));
  if (width * height > limit) return { code: 'too_many_pixels', width: px(width), height: px(height), limit };
  if (Math.min(width, height) < minSide)
    return { code: 'too_small', shortSide: px(Math.min(width, height)), floor: minSide };
  if (!Object.hasOwn(graySpaces, space))
    return { code: 'colour_image', problem: `the colour space is ${space}, neither gray nor RGB` };
  return null;
}

/** EXIF 2.32, 4.6.4 A: Orientation. sharp always mirrors before it rotates; the order of the calls does not matter. */
const orientationTransforms: Record<Orientation, (image: Sharp) => Sharp> = {
  1: (image) => image,
  2: (image) => image.flop(),
  3: (image) => image.rotate(180),
  4: (image) => image.flip(),
  5: (image) => image.flip().rotate(90),
  6: (image) => image.rotate(90),
  7: (image) => image.flip().rotate(270),
  8: (image) => image.rotate(270),
};

async function decodePixels(bytes: Uint8Array, header: Header, orientation: Orientation): Promise<Result<Film, Fault>> {
  const space = header.space as Space;
  const depth = header.depth as Depth;
  // Harmless faults of the stream were repaired before, so a warning of the codec is a sign of damage.
  const upright = orientationTransforms[orientation](sharp(bytes, { failOn: 'warning', limitInputPixels: maxPixels }));
  const opaque = header.hasAlpha ? upright.flatten({ background: 'black' }) : upright;
  const { film, bands } = await toRawPixels(opaque.toColourspace(space), depth);
  if (bands === 1) return ok(film);
  const colour = chroma(film, bands);
  if (colour > maxChroma)
    return fail({
      code: 'colour_image',
      problem: `the colour channels differ by ${(100 * colour).toFixed(1)} % of full range`,
    });
  const { width, height } = film;
  const colourImage = sharp(film.pixels, { raw: { width, height, channels: bands }, limitInputPixels: maxPixels });
  return ok((await toRawPixels(colourImage.toColourspace(graySpaces[space]), depth)).film);
}

/** The first line of an error text of libvips. The other lines repeat the error for every scan line. */
function codecError(error: unknown): string {
  const text = messageOf(error);
  const [first] = text.replace('Input buffer has corrupt header:', '').trim().split('\n');
  return first || 'the header of the file is damaged';
}
