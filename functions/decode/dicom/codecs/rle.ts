import type { Fault } from '../../../core/fault.ts';
import { fail, ok, type Result } from '../../../core/result.ts';

const headerBytes = 64;

/**
 * Decode RLE Lossless (PS3.5, annex G). The stream has one segment per byte of a pixel, the most significant byte first. The codec
 * library is not used for RLE, because it does not check that a run ends within the image.
 */
export function decodeRle(bytes: Uint8Array, pixels: number, bitsAllocated: 8 | 16): Result<Uint8Array, Fault> {
  const corrupt = (problem: string) => fail<Fault>({ code: 'corrupt_image', problem });
  const planes = bitsAllocated / 8;
  if (bytes.length < headerBytes) return corrupt('the RLE header is truncated');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== planes)
    return corrupt(`the RLE stream has ${view.getUint32(0, true)} segments, but Bits Allocated requires ${planes}`);
  const offsets = Array.from({ length: planes }, (_, i) => view.getUint32(4 + 4 * i, true));
  const ends = [...offsets.slice(1), bytes.length];
  const values = new Uint8Array(pixels * planes);
  for (const [plane, offset] of offsets.entries()) {
    const end = ends[plane] ?? 0;
    if (offset < headerBytes || offset > end || end > bytes.length)
      return corrupt('the segments of the RLE stream overlap or exceed the stream');
    const segment = bytes.subarray(offset, end);
    if (!decodeSegment(segment, values, planes - 1 - plane, planes))
      return corrupt('a segment of the RLE stream is too short');
  }
  return ok(values);
}

/** Decode one segment into every `stride`th byte, starting at `start`. Returns false if the segment has too few bytes. */
function decodeSegment(segment: Uint8Array, values: Uint8Array, start: number, stride: number): boolean {
  let to = start;
  let at = 0;
  while (to < values.length) {
    const control = segment[at++];
    if (control === undefined) return false;
    // 128 is a no-op (PS3.5, G.3.2).
    if (control === 128) continue;
    const isRun = control > 128;
    const length = isRun ? 257 - control : control + 1;
    if (at + (isRun ? 1 : length) > segment.length) return false;
    for (let i = 0; i < length && to < values.length; i++, to += stride) values[to] = segment[isRun ? at : at + i] ?? 0;
    at += isRun ? 1 : length;
  }
  return true;
}
