import { type CodingStyle, componentStyle, defaultStyle } from './jpeg2000-style.ts';

/** What the main header of a codestream or the header of a tile part says of how it is coded. */
export type CodingHeader = {
  readonly styles: readonly CodingStyle[];
  /** Changes of the order of progression: for each, a codec goes through all packets again. */
  readonly progressions: number;
  /** The marker that ends it. */
  readonly end: number;
};

/** Markers (ITU-T T.800, table A.2). */
const defaultCodingStyle = 0xff52;
const componentCodingStyle = 0xff53;
const progressionChange = 0xff5f;

/** Read the segments from `at` to the marker that ends a header; undefined where one cannot be used or does not join. */
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
    // A marker starts with 0xff, and each of these has a segment, which counts its own length.
    if (marker < 0xff00 || length < 2) return undefined;
    if (marker === defaultCodingStyle || marker === componentCodingStyle) {
      const style = marker === defaultCodingStyle ? defaultStyle(view, at) : componentStyle(view, at, components);
      if (!style) return undefined;
      styles.push(style);
    }
    // T.800, A.6.6: at least 7 bytes a change.
    if (marker === progressionChange) progressions += Math.ceil((length - 2) / 7);
    at += 2 + length;
  }
  return undefined;
}
