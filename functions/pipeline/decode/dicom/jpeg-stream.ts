import type { Fault } from '../../fault.ts';
import { fail, ok, type Result } from '../../result.ts';
import type { Shape } from './shape.ts';

/** A JPEG or JPEG-LS stream, cut where it ends, and its frame header. */
export type JpegStream = { readonly bytes: Uint8Array; readonly shape: Shape };

/** Frame headers (ITU-T T.81, table B.1; T.87, annex C): which of them are read in which transfer syntax. */
const frames = {
  /** Baseline and extended sequential DCT, Huffman coded. */
  jpeg: [0xc0, 0xc1],
  /** Lossless, Huffman coded. */
  jpegLossless: [0xc3],
  jpegLs: [0xf7],
} as const;

const startOfImage = 0xd8;
const endOfImage = 0xd9;
const startOfScan = 0xda;
/** SOF0 to SOF15 but for DHT, JPG and DAC, which lie between them; and SOF55. */
const isFrame = (marker: number) =>
  (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === 0xf7;
const isRestart = (marker: number) => marker >= 0xd0 && marker <= 0xd7;

/**
 * Read the segments of a stream up to its scan. One gray component has one scan, so a second one, which a codec
 * would decode over the whole image again, is refused, as is a stream without an end.
 */
export function jpegStream(bytes: Uint8Array, encoding: keyof typeof frames): Result<JpegStream, Fault> {
  const wrong = (problem: string) => fail<Fault>({ code: 'corrupt_image', problem });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] !== 0xff || bytes[1] !== startOfImage) return wrong('its pixel data does not start as JPEG does');
  let shape: Shape | undefined;
  let at = 2;
  while (at + 4 <= bytes.length) {
    const marker = bytes[at + 1] ?? 0;
    if (bytes[at] !== 0xff) break;
    if (marker === 0xff) {
      // T.81, B.1.1.2: any number of fill bytes may precede a marker.
      at += 1;
      continue;
    }
    const end = at + 2 + view.getUint16(at + 2);
    if (end > bytes.length) break;
    if (isFrame(marker)) {
      const known: readonly number[] = frames[encoding];
      if (shape || !known.includes(marker) || end < at + 10)
        return wrong('its JPEG frame is not of the process that its transfer syntax names');
      shape = {
        precision: view.getUint8(at + 4),
        rows: view.getUint16(at + 5),
        columns: view.getUint16(at + 7),
        components: view.getUint8(at + 9),
        signed: false,
        lossy: encoding === 'jpeg',
      };
    }
    if (marker === startOfScan) {
      const stop = endOfScan(bytes, end, encoding === 'jpegLs');
      if (!shape) return wrong('its JPEG stream has no frame header before its scan');
      if (stop === undefined) return wrong('its JPEG stream has no end after its first scan');
      // T.87, C.2.3: NEAR follows the one component of the scan.
      const near = encoding === 'jpegLs' && end > at + 7 ? view.getUint8(at + 7) : 0;
      return ok({ bytes: bytes.subarray(0, stop), shape: { ...shape, lossy: shape.lossy || near > 0 } });
    }
    at = end;
  }
  return wrong('the segments of its JPEG stream do not join up');
}

/** Where the image ends, if it does so after this scan. */
function endOfScan(bytes: Uint8Array, from: number, ls: boolean): number | undefined {
  for (let at = bytes.indexOf(0xff, from); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    while (bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1] ?? 0;
    if (marker === endOfImage) return at + 2;
    // What follows 0xff in a scan is a stuffed zero byte (T.81, F.1.2.3) or, in JPEG-LS, a zero bit (T.87, A.1).
    const data = ls ? marker < 0x80 : marker === 0;
    if (!data && !isRestart(marker)) return undefined;
  }
  return undefined;
}
