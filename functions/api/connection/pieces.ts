import type { IncomingMessage } from 'node:http';

/** Pieces of at least this length go on as they are. */
const shortBytes = 4096;
/** What may wait to be put together: about what one read of a socket brings. */
const waitingBytes = 65_536;

/**
 * Put short pieces of a body together. Node gives each chunk of a body in chunks to the stream of its request, and one read of the
 * socket may bring ten thousand chunks of one byte. The stream costs microseconds and hundreds of bytes per piece.
 */
export function joinPieces(incoming: IncomingMessage): void {
  const push = incoming.push.bind(incoming);
  let pieces: Uint8Array[] = [];
  let length = 0;

  function flush(): boolean {
    if (length === 0) return true;
    const joined = Buffer.concat(pieces, length);
    pieces = [];
    length = 0;
    return push(joined);
  }

  incoming.push = (piece: Uint8Array | null, encoding?: BufferEncoding): boolean => {
    if (piece === null || piece.length >= shortBytes) {
      flush();
      return push(piece, encoding);
    }
    // After all that this turn of the event loop reads.
    if (length === 0) setImmediate(flush);
    pieces.push(piece);
    length += piece.length;
    return length < waitingBytes || flush();
  };
}
