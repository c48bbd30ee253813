import { type Orientation, orientation } from './orientation.ts';
import type { PictureType } from './sniff.ts';

/** An image file without anything but its pixels, and how to turn them upright. */
export type Stripped = { readonly bytes: Uint8Array; readonly orientation: Orientation };

/**
 * Take out what is not pixels before a codec sees it: text, profiles and EXIF inflate, recurse and
 * allocate (700 bytes of EXIF kept libvips busy for 28 s), and colour profiles would change gray values
 * that training takes as stored. Undefined when the file's structure is broken.
 */
export function strip(bytes: Uint8Array, mediaType: PictureType): Stripped | undefined {
  return mediaType === 'image/png' ? stripPng(bytes) : stripJpeg(bytes);
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const latin1 = new TextDecoder('latin1');

const pngChunks = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);

/** Keep the chunks that make pixels (PNG, third edition, 4.7); what follows IEND is not the image's. */
function stripPng(bytes: Uint8Array): Stripped | undefined {
  const view = viewOf(bytes);
  const kept = [bytes.subarray(0, 8)];
  let turn: Orientation = 1;
  let at = 8;
  while (at + 12 <= bytes.length) {
    const end = at + 12 + view.getUint32(at);
    const type = latin1.decode(bytes.subarray(at + 4, at + 8));
    if (end > bytes.length) return undefined;
    if (pngChunks.has(type)) kept.push(bytes.subarray(at, end));
    else if (type === 'eXIf') turn = orientation(bytes.subarray(at + 8, end - 4));
    // A chunk that a decoder must understand (its first letter is upper case) is one that no decoder here does.
    else if (type < 'a') return undefined;
    if (type === 'IEND') break;
    at = end;
  }
  return { bytes: Buffer.concat(kept), orientation: turn };
}

const startOfImage = 0xd8;
const endOfImage = 0xd9;
const startOfScan = 0xda;
const comment = 0xfe;
const app = (n: number) => 0xe0 + n;
const standsAlone = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= startOfImage);
/** JFIF and Adobe say which colour space the components are in; other applications' segments say nothing of pixels. */
const isMetadata = (marker: number) =>
  marker === comment || (marker > app(0) && marker <= app(15) && marker !== app(14));

/** Keep the segments that make pixels (ITU-T T.81, annex B); from the first scan on nothing is looked at. */
function stripJpeg(bytes: Uint8Array): Stripped | undefined {
  const view = viewOf(bytes);
  const kept = [bytes.subarray(0, 2)];
  let turn: Orientation = 1;
  let at = 2;
  while (at + 4 <= bytes.length) {
    const marker = bytes[at + 1] ?? 0;
    if (bytes[at] !== 0xff || marker === 0) return undefined;
    if (marker === 0xff) {
      // T.81, B.1.1.2: any number of fill bytes may precede a marker.
      at += 1;
      continue;
    }
    if (marker === startOfScan || marker === endOfImage) {
      kept.push(bytes.subarray(at));
      return { bytes: Buffer.concat(kept), orientation: turn };
    }
    const end = at + 2 + (standsAlone(marker) ? 0 : view.getUint16(at + 2));
    if (end > bytes.length) return undefined;
    const body = bytes.subarray(at + 4, end);
    if (!isMetadata(marker)) kept.push(bytes.subarray(at, end));
    else if (marker === app(1) && latin1.decode(body.subarray(0, 6)) === 'Exif\0\0')
      turn = orientation(body.subarray(6));
    at = end;
  }
  return undefined;
}
