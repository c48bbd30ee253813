/**
 * Join chunks at the start of a new buffer of `length` bytes, which can be transferred. The memory behind the chunks is not
 * zero-filled, so the system does not allocate it before it is used.
 */
export function joined(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
