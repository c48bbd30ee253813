/** The signature box that a JP2 file starts with (ITU-T T.800, I.5.1). */
const signature = [0, 0, 0, 12, 0x6a, 0x50, 0x20, 0x20, 0x0d, 0x0a, 0x87, 0x0a];
/** The box of the codestream: `jp2c`. */
const codestream = 0x6a70_3263;

/**
 * The codestream in what is to be one (PS3.5, A.4.4: the JP2 file format shall not be used), and in some files is a JP2
 * file around it. What else is in there says again what the header says. Bytes without a codestream are returned as they
 * are.
 */
export function codestreamIn(bytes: Uint8Array): Uint8Array {
  if (!signature.every((byte, i) => bytes[i] === byte)) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 16 <= bytes.length) {
    const size = view.getUint32(at);
    // I.4: 1 stands for a size of 64 bits, 0 for all that is left.
    const header = size === 1 ? 16 : 8;
    const length = size === 1 ? Number(view.getBigUint64(at + 8)) : size || bytes.length - at;
    if (length < header || at + length > bytes.length) return bytes;
    if (view.getUint32(at + 4) === codestream) return bytes.subarray(at + header, at + length);
    at += length;
  }
  return bytes;
}
