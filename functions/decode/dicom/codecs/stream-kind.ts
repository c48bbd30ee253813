import type { Encoding } from '../parse/transfer-syntaxes.ts';

/** The frame markers of JPEG per encoding (ITU-T T.81, table B.1; T.87, annex C). */
const frameMarkers: readonly (readonly [Encoding, readonly number[]])[] = [
  ['jpeg', [0xc0, 0xc1]],
  ['jpegLossless', [0xc3]],
  ['jpegLs', [0xf7]],
];

/** The encoding of a compressed stream by its first bytes; undefined if the encoding is not supported. */
export function streamKind(bytes: Uint8Array): Exclude<Encoding, 'native'> | undefined {
  const startsWith = (...signature: readonly number[]) => signature.every((byte, i) => bytes[i] === byte);
  if (startsWith(0xff, 0xd8, 0xff)) return jpegKind(bytes);
  // The signature of a codestream (ISO/IEC 15444-1, A.4) or of a JP2 file (I.5.1).
  if (startsWith(0xff, 0x4f, 0xff, 0x51) || startsWith(0, 0, 0, 0x0c, 0x6a, 0x50, 0x20, 0x20)) return 'jpeg2000';
  // The RLE header states one or two segments, and the first segment follows the header (PS3.5, G.5).
  const isRle =
    (bytes[0] === 1 || bytes[0] === 2) && [1, 2, 3, 5, 6, 7].every((i) => bytes[i] === 0) && bytes[4] === 64;
  return isRle ? 'rle' : undefined;
}

function jpegKind(bytes: Uint8Array): Exclude<Encoding, 'native'> | undefined {
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0;
    const kind = frameMarkers.find(([, markers]) => markers.includes(marker))?.[0];
    if (kind) return kind === 'native' ? undefined : kind;
    at += marker === 0xff ? 1 : 2 + (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
  }
  return undefined;
}
