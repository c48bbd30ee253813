import type { Fault } from '../core/fault.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { ReadingWarning } from '../core/warning.ts';
import { type Orientation, orientation } from './exif-orientation.ts';
import { isSequential, type JpegFrame, processOf, startOfFrame } from './jpeg/frame.ts';
import { jpegStream } from './jpeg/stream.ts';
import type { PictureType } from './sniff.ts';

/** An image file without anything but its pixels, and how to turn them upright. */
export type Stripped = {
  readonly bytes: Uint8Array;
  readonly orientation: Orientation;
  readonly warnings: readonly ReadingWarning[];
  /** What to try where the codec finds the file damaged. */
  readonly alternatives?: () => Iterable<Stripped>;
};

/**
 * Take out what is not pixels before a codec sees it: text, profiles and EXIF inflate, recurse and
 * allocate (700 bytes of EXIF kept libvips busy for 28 s), and colour profiles would change gray values
 * that training takes as stored.
 */
export function strip(bytes: Uint8Array, mediaType: PictureType): Result<Stripped, Fault> {
  return mediaType === 'image/png' ? stripPng(bytes) : jpegStream(bytes, { refuse: unread });
}

/** What is read as a JPEG file: 8 bits, Huffman coded. */
function unread(frame: JpegFrame): Fault | undefined {
  const isRead = frame.precision === 8 && (isSequential(frame) || frame.marker === startOfFrame.progressive);
  return isRead ? undefined : { code: 'unsupported_jpeg', process: processOf(frame) };
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const latin1 = new TextDecoder('latin1');

const pngChunks = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);

const brokenPng = () =>
  fail<Fault>({ code: 'corrupt_image', problem: 'the file is cut off or its parts do not join up' });

/** Keep the chunks that make pixels (PNG, third edition, 4.7); what follows IEND is not the image's. */
function stripPng(bytes: Uint8Array): Result<Stripped, Fault> {
  const view = viewOf(bytes);
  const kept = [bytes.subarray(0, 8)];
  let turn: Orientation | undefined;
  let frames = 1;
  let at = 8;
  while (at + 12 <= bytes.length) {
    const end = at + 12 + view.getUint32(at);
    const type = latin1.decode(bytes.subarray(at + 4, at + 8));
    if (end > bytes.length) return brokenPng();
    if (pngChunks.has(type)) kept.push(bytes.subarray(at, end));
    else if (type === 'eXIf') turn ??= orientation(bytes.subarray(at + 8, end - 4));
    // A chunk that a decoder must understand (its first letter is upper case) is one that no decoder here does.
    else if (type < 'a') return brokenPng();
    else if (type === 'acTL') frames = end >= at + 20 ? view.getUint32(at + 8) : 0;
    if (type === 'IEND') break;
    at = end;
  }
  return ok({ bytes: Buffer.concat(kept), orientation: turn ?? 1, warnings: frames > 1 ? [animated(frames)] : [] });
}

const animated = (frames: number): ReadingWarning => ({
  code: 'animated_png',
  message: `The PNG file is an animation of ${frames} frames; its default image was read.`,
  found: String(frames),
});
