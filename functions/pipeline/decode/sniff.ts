/** The media types that are decoded. */
export type PictureType = 'image/png' | 'image/jpeg';
export type MediaType = PictureType | 'application/dicom';

const signatures: readonly (readonly [PictureType, readonly number[]])[] = [
  ['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['image/jpeg', [0xff, 0xd8, 0xff]],
];

/** How many first bytes of a file say all that is asked of them here. */
export const signatureBytes = 132;

/** What the first bytes say a file is, whatever its name or header claims. */
export function sniff(bytes: Uint8Array): MediaType | undefined {
  // A preamble may hold anything, the signature of another format included (PS3.10, 7.1).
  if (isPart10(bytes)) return 'application/dicom';
  const picture = signatures.find(([, signature]) => signature.every((byte, i) => bytes[i] === byte))?.[0];
  return picture ?? (isBareDicom(bytes) ? 'application/dicom' : undefined);
}

/** PS3.10, 7.1: 128 bytes of preamble, then DICM. */
export const isPart10 = (bytes: Uint8Array): boolean =>
  [0x44, 0x49, 0x43, 0x4d].every((byte, i) => bytes[128 + i] === byte);

/**
 * A data set without a preamble: its first element is of group 0002 or 0008, with a low element number, and then
 * either two letters (the value representation) or a short length.
 */
function isBareDicom(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = (little: boolean) => {
    const group = view.getUint16(0, little);
    return (group === 0x0002 || group === 0x0008) && view.getUint16(2, little) <= 0x0018;
  };
  const letter = (at: number) => (bytes[at] ?? 0) >= 0x41 && (bytes[at] ?? 0) <= 0x5a;
  const explicit = letter(4) && letter(5);
  if (starts(true)) return explicit || view.getUint32(4, true) <= 1024;
  // Big endian is always explicit, and its meta group, if any, is not (PS3.5, A.3; PS3.10, 7.1).
  return starts(false) && explicit;
}
