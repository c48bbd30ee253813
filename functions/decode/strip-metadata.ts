import type { Fault } from '../core/fault.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { ReadingWarning } from '../core/warning.ts';
import { exifOrientation, type Orientation } from './exif-orientation.ts';
import { isSequential, type JpegFrame, processOf, startOfFrame } from './jpeg/frame.ts';
import { jpegStream } from './jpeg/stream.ts';
import type { PictureType } from './sniff.ts';

/** An image file without metadata, and the orientation that its metadata stated. */
export type Stripped = {
  readonly bytes: Uint8Array;
  readonly orientation: Orientation;
  readonly warnings: readonly ReadingWarning[];
  /** The frame header of a JPEG file. */
  readonly frame?: JpegFrame;
  /** Other repairs of the file. The caller tries them in order if the codec finds this one damaged. */
  readonly alternatives?: () => Iterable<Stripped>;
};

/**
 * Remove all metadata before a codec reads the file. Codecs inflate text, follow references in EXIF and allocate memory for
 * profiles: 700 bytes of EXIF kept libvips busy for 28 s. A colour profile would also change gray values, which the
 * training used as stored.
 */
export function strip(bytes: Uint8Array, mediaType: PictureType): Result<Stripped, Fault> {
  return mediaType === 'image/png' ? stripPng(bytes) : jpegStream(bytes, { refuse: unsupportedFrame });
}

/** A JPEG file must have 8 bits and Huffman coding. */
function unsupportedFrame(frame: JpegFrame): Fault | undefined {
  const isSupported = frame.precision === 8 && (isSequential(frame) || frame.marker === startOfFrame.progressive);
  return isSupported ? undefined : { code: 'unsupported_jpeg', process: processOf(frame) };
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const latin1 = new TextDecoder('latin1');

const pngChunks = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);

const corruptPng = () =>
  fail<Fault>({ code: 'corrupt_image', problem: 'the PNG file is truncated, or the length of a chunk is wrong' });

/** Copy only the chunks that define pixels (PNG, third edition, 4.7). Bytes after IEND do not belong to the image. */
function stripPng(bytes: Uint8Array): Result<Stripped, Fault> {
  const view = viewOf(bytes);
  const chunks = [bytes.subarray(0, 8)];
  let orientation: Orientation | undefined;
  let frames = 1;
  let at = 8;
  while (at + 12 <= bytes.length) {
    const end = at + 12 + view.getUint32(at);
    const type = latin1.decode(bytes.subarray(at + 4, at + 8));
    if (end > bytes.length) return corruptPng();
    if (pngChunks.has(type)) chunks.push(bytes.subarray(at, end));
    else if (type === 'eXIf') orientation ??= exifOrientation(bytes.subarray(at + 8, end - 4));
    // An upper-case first letter marks a chunk that a decoder must know. No decoder knows this one.
    else if (type < 'a') return corruptPng();
    else if (type === 'acTL') frames = end >= at + 20 ? view.getUint32(at + 8) : 0;
    if (type === 'IEND') break;
    at = end;
  }
  return ok({
    bytes: Buffer.concat(chunks),
    orientation: orientation ?? 1,
    warnings: frames > 1 ? [animationWarning(frames)] : [],
  });
}

const animationWarning = (frames: number): ReadingWarning => ({
  code: 'animated_png',
  message: `The PNG file is an animation of ${frames} frames. The default image was read.`,
  found: String(frames),
});
