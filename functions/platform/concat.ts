/**
 * Pieces put together at the beginning of a buffer of their own, which can be given away. The memory behind them is not written, so the
 * system does not provide it before it is used.
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
