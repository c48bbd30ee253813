import type { Fault } from '../../../core/fault.ts';
import { fail, ok, type Result } from '../../../core/result.ts';

const headerBytes = 64;

/**
 * RLE Lossless (PS3.5, annex G): one segment for each byte of a pixel, the most significant first. Decoded here
 * rather than by the codec library, which does not check where a run ends.
 */
export function decodeRle(bytes: Uint8Array, pixels: number, bitsAllocated: 8 | 16): Result<Uint8Array, Fault> {
  const wrong = (problem: string) => fail<Fault>({ code: 'corrupt_image', problem });
  const planes = bitsAllocated / 8;
  if (bytes.length < headerBytes) return wrong('its RLE header is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== planes)
    return wrong(`its RLE stream has ${view.getUint32(0, true)} segments where its header has ${planes}`);
  const offsets = Array.from({ length: planes }, (_, i) => view.getUint32(4 + 4 * i, true));
  const ends = [...offsets.slice(1), bytes.length];
  const values = new Uint8Array(pixels * planes);
  for (const [plane, offset] of offsets.entries()) {
    const end = ends[plane] ?? 0;
    if (offset < headerBytes || offset > end || end > bytes.length)
      return wrong('the segments of its RLE stream overlap or reach beyond it');
    const segment = bytes.subarray(offset, end);
    if (!unpack(segment, values, planes - 1 - plane, planes)) return wrong('a segment of its RLE stream is too short');
  }
  return ok(values);
}

/** Unpack one segment into every `stride`th byte from `start` on; false when it holds too few. */
function unpack(segment: Uint8Array, values: Uint8Array, start: number, stride: number): boolean {
  let to = start;
  let at = 0;
  while (to < values.length) {
    const control = segment[at++];
    if (control === undefined) return false;
    // G.3.2: 128 is no operation.
    if (control === 128) continue;
    const repeats = control > 128;
    const length = repeats ? 257 - control : control + 1;
    if (at + (repeats ? 1 : length) > segment.length) return false;
    for (let i = 0; i < length && to < values.length; i++, to += stride)
      values[to] = segment[repeats ? at : at + i] ?? 0;
    at += repeats ? 1 : length;
  }
  return true;
}
