/** How a stored image has to be turned to stand upright: 1 to 8, as EXIF counts them. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const orientationTag = 0x0112;
const short = 3;
const long = 4;

/**
 * The orientation in an EXIF block (TIFF 6.0, section 2; EXIF 2.32, 4.6.4 A); undefined where it says none. Only the first directory
 * is looked at: a general parser follows directories that point at each other for half a minute.
 */
export function orientation(exif: Uint8Array): Orientation | undefined {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const fits = (offset: number, bytes: number) => offset + bytes <= view.byteLength;
  if (!fits(0, 8)) return undefined;
  const order = view.getUint16(0);
  const little = order === 0x4949;
  if (!little && order !== 0x4d4d) return undefined;
  const directory = view.getUint32(4, little);
  if (!fits(directory, 2)) return undefined;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + 12 * i;
    if (!fits(entry, 12)) return undefined;
    if (view.getUint16(entry, little) !== orientationTag) continue;
    const type = view.getUint16(entry + 2, little);
    if (type === short) return known(view.getUint16(entry + 8, little));
    if (type === long) return known(view.getUint32(entry + 8, little));
    return undefined;
  }
  return undefined;
}

const known = (value: number) => (value >= 1 && value <= 8 ? (value as Orientation) : undefined);
