import { type CodingStyle, componentStyle, defaultStyle } from './jpeg2000-style.ts';

/** The signature box at the start of a JP2 file (ITU-T T.800, I.5.1). */
const signature = [0, 0, 0, 12, 0x6a, 0x50, 0x20, 0x20, 0x0d, 0x0a, 0x87, 0x0a];
/** Type of the codestream box: `jp2c`. */
const codestream = 0x6a70_3263;

/**
 * Extract the codestream from a JP2 file. The stream must be a codestream without a JP2 file (PS3.5, A.4.4), but some files have
 * one. The other boxes are ignored, because they repeat the DICOM header. Other bytes are returned unchanged.
 */
export function codestreamIn(bytes: Uint8Array): Uint8Array {
  if (!signature.every((byte, i) => bytes[i] === byte)) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 16 <= bytes.length) {
    const size = view.getUint32(at);
    // I.4: size 1 means that a 64-bit size follows; size 0 means that the box extends to the end of the file.
    const header = size === 1 ? 16 : 8;
    const length = size === 1 ? Number(view.getBigUint64(at + 8)) : size || bytes.length - at;
    if (length < header || at + length > bytes.length) return bytes;
    if (view.getUint32(at + 4) === codestream) return bytes.subarray(at + header, at + length);
    at += length;
  }
  return bytes;
}

/** The coding parameters in the main header of a codestream or in the header of a tile part. */
export type CodingHeader = {
  readonly styles: readonly CodingStyle[];
  /** Number of changes of the progression order. For each change, a codec iterates over all packets again. */
  readonly progressions: number;
  /** Offset of the marker that ends the header. */
  readonly end: number;
};

/** Markers (ITU-T T.800, table A.2). */
const defaultCodingStyle = 0xff52;
const componentCodingStyle = 0xff53;
const progressionChange = 0xff5f;

/** Read the segments of a header from `at` to the end marker; undefined if a segment is malformed or has a wrong length. */
export function codingHeader(
  view: DataView,
  at: number,
  endMarker: number,
  components: number,
): CodingHeader | undefined {
  const styles: CodingStyle[] = [];
  let progressions = 0;
  while (at + 4 <= view.byteLength) {
    const marker = view.getUint16(at);
    if (marker === endMarker) return { styles, progressions, end: at };
    const length = view.getUint16(at + 2);
    // A marker starts with 0xff. In a header, each marker has a segment, and the length of the segment includes the length field.
    if (marker < 0xff00 || length < 2) return undefined;
    if (marker === defaultCodingStyle || marker === componentCodingStyle) {
      const style = marker === defaultCodingStyle ? defaultStyle(view, at) : componentStyle(view, at, components);
      if (!style) return undefined;
      styles.push(style);
    }
    // T.800, A.6.6: at least 7 bytes per change.
    if (marker === progressionChange) progressions += Math.ceil((length - 2) / 7);
    at += 2 + length;
  }
  return undefined;
}
