/** The EXIF number of the rotation and reflection that make a stored image upright. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const orientationTag = 0x0112;
const typeShort = 3;
const typeLong = 4;

/**
 * The orientation in an EXIF block (TIFF 6.0, section 2; EXIF 2.32, 4.6.4 A); undefined if the block has no valid
 * orientation. Only the first directory is read. A general parser needed half a minute for directories that point at each
 * other.
 */
export function exifOrientation(exif: Uint8Array): Orientation | undefined {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const isInside = (offset: number, bytes: number) => offset + bytes <= view.byteLength;
  if (!isInside(0, 8)) return undefined;
  const order = view.getUint16(0);
  const little = order === 0x4949;
  if (!little && order !== 0x4d4d) return undefined;
  const directory = view.getUint32(4, little);
  if (!isInside(directory, 2)) return undefined;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + 12 * i;
    if (!isInside(entry, 12)) return undefined;
    if (view.getUint16(entry, little) !== orientationTag) continue;
    const type = view.getUint16(entry + 2, little);
    if (type === typeShort) return validOrientation(view.getUint16(entry + 8, little));
    if (type === typeLong) return validOrientation(view.getUint32(entry + 8, little));
    return undefined;
  }
  return undefined;
}

const validOrientation = (value: number) => (value >= 1 && value <= 8 ? (value as Orientation) : undefined);
