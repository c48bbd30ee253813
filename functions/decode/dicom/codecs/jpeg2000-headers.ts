import { type CodingStyle, componentStyle, defaultStyle } from './jpeg2000-style.ts';

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
