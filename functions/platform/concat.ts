/**
 * Join chunks at the start of a new buffer of `length` bytes, which can be transferred. The memory behind the chunks is not
 * zero-filled, so the system does not allocate it before it is used.
 */
export function concatBytes(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
