import type { Fault } from '../core/fault.ts';

/** The media types that are decoded. */
export type PictureType = 'image/png' | 'image/jpeg';
export type MediaType = PictureType | 'application/dicom';

/** Media types by which senders declare each format; another one declares none of them. */
const declarations: readonly (readonly [MediaType, RegExp])[] = [
  ['image/png', /^image\/(x-)?png$/],
  ['image/jpeg', /^image\/(jpe?g|pjpeg)$/],
  ['application/dicom', /^(application|image)\/(x-)?dicom(\+\w+)?$/],
];

/** The format that a media type declares, by its name in the standard or one that is in use. */
export const declaredType = (declared: string): MediaType | undefined =>
  declarations.find(([, names]) => names.test(declared))?.[0];

type Signature = readonly [at: number, bytes: string];

const pictures: readonly (readonly [PictureType, Signature])[] = [
  ['image/png', [0, '\x89PNG\r\n\x1a\n']],
  ['image/jpeg', [0, '\xff\xd8\xff']],
];

/** How many first bytes of a file are enough to tell whether it is read. */
export const signatureBytes = 132;
/** How many first bytes of a file are enough to name any format of this module. */
export const formatBytes = 512;

const starts = (bytes: Uint8Array, [at, signature]: Signature): boolean =>
  Array.from(signature).every((character, i) => bytes[at + i] === character.charCodeAt(0));

/** The media type by the first bytes of a file, whatever its name or header claims. */
export function sniff(bytes: Uint8Array): MediaType | undefined {
  // A preamble may hold anything, the signature of another format included (PS3.10, 7.1).
  if (isPart10(bytes)) return 'application/dicom';
  const picture = pictures.find(([, signature]) => starts(bytes, signature))?.[0];
  return picture ?? (isBareDicom(bytes) ? 'application/dicom' : undefined);
}

/** PS3.10, 7.1: 128 bytes of preamble, then DICM. */
export const isPart10 = (bytes: Uint8Array): boolean => starts(bytes, [128, 'DICM']);

/** Where the first element of a DICOM file lies. Some writers leave out the preamble but write its prefix. */
export function firstElement(bytes: Uint8Array): number {
  if (isPart10(bytes)) return 132;
  return starts(bytes, [0, 'DICM']) ? 4 : 0;
}

/** Formats that are not read, by their signatures: a refusal that names the format can say what to do. */
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

const packedFormats: readonly (readonly [name: string, ...Signature[]])[] = [
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

const named = (formats: typeof otherFormats, bytes: Uint8Array) =>
  formats.find(([, ...signatures]) => signatures.every((signature) => starts(bytes, signature)))?.[0];

/** The name of a well-known image or document format that is not read; undefined for other bytes. */
export const otherFormat = (bytes: Uint8Array): string | undefined => named(otherFormats, bytes);

/** The name of a format that packs files; undefined for other bytes. */
export const packedFormat = (bytes: Uint8Array): string | undefined => named(packedFormats, bytes);

/** Why bytes are refused that {@link sniff} does not know, by the name of their format where it is well known. */
export function unreadable(bytes: Uint8Array, declared: string): Fault {
  if (bytes.length === 0) return { code: 'empty_body' };
  const packed = packedFormat(bytes);
  if (packed) return { code: 'packed_file', found: packed };
  const other = otherFormat(bytes);
  return other ? { code: 'unsupported_image_format', found: other } : { code: 'not_an_image', declared };
}

/**
 * A data set without a whole preamble: its first element is of group 0002 or 0008, with a low element number, and then
 * either two letters (the value representation) or a short length.
 */
function isBareDicom(bytes: Uint8Array): boolean {
  const start = firstElement(bytes);
  if (bytes.length < start + 8) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  const begins = (little: boolean) => {
    const group = view.getUint16(0, little);
    return (group === 0x0002 || group === 0x0008) && view.getUint16(2, little) <= 0x0018;
  };
  const letter = (at: number) => view.getUint8(at) >= 0x41 && view.getUint8(at) <= 0x5a;
  const explicit = letter(4) && letter(5);
  if (begins(true)) return explicit || view.getUint32(4, true) <= 1024;
  // Big endian is always explicit, and its meta group, if any, is not (PS3.5, A.3; PS3.10, 7.1).
  return begins(false) && explicit;
}
