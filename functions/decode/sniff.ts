import type { Fault } from '../core/fault.ts';
import type { ReadingWarning } from '../core/warning.ts';

/** The media types of the image files that the service decodes. */
export type PictureType = 'image/png' | 'image/jpeg';
export type MediaType = PictureType | 'application/dicom';

/** The standard name of each format, and a pattern of all names that senders use for the format. */
const mediaTypeNames: readonly (readonly [MediaType, RegExp])[] = [
  ['image/png', /^image\/(x-)?png$/],
  ['image/jpeg', /^image\/(jpe?g|pjpeg)$/],
  ['application/dicom', /^(application|image)\/(x-)?dicom(\+\w+)?$/],
];

/** The format that a declared media type names; undefined for any other media type. */
export const declaredType = (declared: string): MediaType | undefined =>
  mediaTypeNames.find(([, names]) => names.test(declared))?.[0];

type Signature = readonly [at: number, bytes: string];

const pictureSignatures: readonly (readonly [PictureType, Signature])[] = [
  ['image/png', [0, '\x89PNG\r\n\x1a\n']],
  ['image/jpeg', [0, '\xff\xd8\xff']],
];

/** Number of bytes at the start of a file that {@link sniff} needs. */
export const signatureBytes = 132;
/** Number of bytes at the start of a file that identify every format of this module. */
export const formatBytes = 512;

const hasSignature = (bytes: Uint8Array, [at, signature]: Signature): boolean =>
  Array.from(signature).every((character, i) => bytes[at + i] === character.charCodeAt(0));

/** The media type of a file by its first bytes. The file name and the declared media type have no influence. */
export function sniff(bytes: Uint8Array): MediaType | undefined {
  // DICOM is tested first, because its preamble may contain any bytes, also the signature of another format (PS3.10, 7.1).
  if (isPart10(bytes)) return 'application/dicom';
  const picture = pictureSignatures.find(([, signature]) => hasSignature(bytes, signature))?.[0];
  return picture ?? (isBareDicom(bytes) ? 'application/dicom' : undefined);
}

/** Whether a file starts with a preamble of 128 bytes and the prefix DICM (PS3.10, 7.1). */
export const isPart10 = (bytes: Uint8Array): boolean => hasSignature(bytes, [128, 'DICM']);

/** Offset of the first element of a DICOM file. Some writers omit the preamble but write the prefix DICM. */
export function firstElement(bytes: Uint8Array): number {
  if (isPart10(bytes)) return 132;
  return hasSignature(bytes, [0, 'DICM']) ? 4 : 0;
}

/** The warning about a declared media type that names another format than the format of the bytes. */
export function mediaTypeMismatch(declared: string, found: MediaType | undefined): ReadingWarning | undefined {
  const declaredFormat = declaredType(declared);
  if (!found || !declaredFormat || declaredFormat === found) return undefined;
  return {
    code: 'media_type_mismatch',
    message: `The file was declared as ${declaredFormat}, but the bytes are ${found}. The file was read as ${found}.`,
    found,
  };
}

/** Signatures of well-known formats that the service does not decode. A refusal can then name the format and the remedy. */
const otherFormats: readonly (readonly [name: string, ...Signature[]])[] = [
  ['TIFF', [0, 'II*\0']],
  ['TIFF', [0, 'MM\0*']],
  ['BigTIFF', [0, 'II+\0']],
  ['BigTIFF', [0, 'MM\0+']],
  ['GIF', [0, 'GIF8']],
  ['WebP', [0, 'RIFF'], [8, 'WEBP']],
  ['BMP', [0, 'BM'], [6, '\0\0\0\0']],
  ['PDF', [0, '%PDF-']],
  ['JPEG 2000', [0, '\0\0\0\x0cjP  \r\n\x87\n']],
  ['JPEG 2000', [0, '\xff\x4f\xff\x51']],
  ['JPEG XL', [0, '\0\0\0\x0cJXL \r\n\x87\n']],
  ['JPEG XL', [0, '\xff\x0a']],
  ['JPEG XR', [0, 'II\xbc']],
  ['AVIF', [4, 'ftypavi']],
  ['HEIC', [4, 'ftyphe']],
  ['HEIF', [4, 'ftypmif1']],
  ['HEIF', [4, 'ftypmsf1']],
  ['MP4', [4, 'ftyp']],
  ['Photoshop', [0, '8BPS']],
  ['NRRD', [0, 'NRRD']],
  ['NIfTI', [344, 'n+1\0']],
  ['NumPy', [0, '\x93NUMPY']],
  ['SVG', [0, '<svg']],
];

const archiveFormats: readonly (readonly [name: string, ...Signature[]])[] = [
  ['gzip', [0, '\x1f\x8b\x08']],
  ['ZIP', [0, 'PK\x03\x04']],
  ['ZIP', [0, 'PK\x05\x06']],
  ['7-Zip', [0, '7z\xbc\xaf\x27\x1c']],
  ['RAR', [0, 'Rar!\x1a\x07']],
  ['bzip2', [0, 'BZh']],
  ['xz', [0, '\xfd7zXZ\0']],
  ['Zstandard', [0, '\x28\xb5\x2f\xfd']],
  ['tar', [257, 'ustar']],
];

const formatOf = (formats: typeof otherFormats, bytes: Uint8Array) =>
  formats.find(([, ...signatures]) => signatures.every((signature) => hasSignature(bytes, signature)))?.[0];

/** The name of a well-known image or document format that the service does not decode; undefined for other bytes. */
export const otherFormat = (bytes: Uint8Array): string | undefined => formatOf(otherFormats, bytes);

/** The name of an archive or compression format; undefined for other bytes. */
export const archiveFormat = (bytes: Uint8Array): string | undefined => formatOf(archiveFormats, bytes);

/** The fault of a file that {@link sniff} does not identify. The fault names the format if the format is well known. */
export function unsupportedFormatFault(bytes: Uint8Array, declared: string): Fault {
  if (bytes.length === 0) return { code: 'empty_body' };
  const archive = archiveFormat(bytes);
  if (archive) return { code: 'packed_file', found: archive };
  const other = otherFormat(bytes);
  return other ? { code: 'unsupported_image_format', found: other } : { code: 'not_an_image', declared };
}

/**
 * Whether the bytes are a DICOM data set without a preamble. The first element is of group 0002 or 0008 and has a low element
 * number. After the tag there is either a value representation (two letters) or a small length.
 */
function isBareDicom(bytes: Uint8Array): boolean {
  const start = firstElement(bytes);
  if (bytes.length < start + 8) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  const startsWithHeaderTag = (little: boolean) => {
    const group = view.getUint16(0, little);
    return (group === 0x0002 || group === 0x0008) && view.getUint16(2, little) <= 0x0018;
  };
  const isLetter = (at: number) => view.getUint8(at) >= 0x41 && view.getUint8(at) <= 0x5a;
  const isExplicit = isLetter(4) && isLetter(5);
  if (startsWithHeaderTag(true)) return isExplicit || view.getUint32(4, true) <= 1024;
  // A big-endian data set is always in Explicit VR (PS3.5, A.3). A meta group is always little endian (PS3.10, 7.1).
  return startsWithHeaderTag(false) && isExplicit;
}
