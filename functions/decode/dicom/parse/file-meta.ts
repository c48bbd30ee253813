import { isUid } from '../../../pacs/dicomweb/json.ts';

/** Which object a DICOM file holds, by its file meta information. */
export type FileMeta = { readonly sopClassUid: string; readonly sopInstanceUid: string };

/** The values of 32-bit length (PS3.5 7.1.2). Of these, group 0002 has OB and may have UT. */
const long = new Set(['OB', 'UN', 'UT', 'SQ', 'OW']);
const maxElements = 64;

/**
 * Read Media Storage SOP Class and Instance UID, so that the answer can also name an object that is refused. File meta
 * information is Explicit VR Little Endian (PS3.10 7.1); some writers encode it as Implicit VR. Undefined where it is
 * absent or incomplete; nothing is read outside the bytes.
 */
export function fileMeta(bytes: Uint8Array): FileMeta | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ascii = (at: number, length: number) => Buffer.from(bytes.subarray(at, at + length)).toString('latin1');
  if (ascii(128, 4) !== 'DICM') return undefined;
  const uids = new Map<number, string>();
  for (let at = 132, count = 0; at + 12 <= bytes.length && count < maxElements; count++) {
    if (view.getUint16(at, true) !== 0x0002) break;
    const vr = ascii(at + 4, 2);
    const isLong = long.has(vr);
    const isImplicit = !/^[A-Z]{2}$/.test(vr);
    const length = isImplicit
      ? view.getUint32(at + 4, true)
      : isLong
        ? view.getUint32(at + 8, true)
        : view.getUint16(at + 6, true);
    const value = at + (isLong ? 12 : 8);
    if (value + length > bytes.length) break;
    // PS3.5 9.1: padded to an even length by one NUL, which some writers make a space.
    if (length <= 65) uids.set(view.getUint16(at + 2, true), ascii(value, length).replace(/[\0 ]+$/, ''));
    at = value + length;
  }
  const [sopClassUid, sopInstanceUid] = [uids.get(0x0002), uids.get(0x0003)];
  return isUid(sopClassUid) && isUid(sopInstanceUid) ? { sopClassUid, sopInstanceUid } : undefined;
}
