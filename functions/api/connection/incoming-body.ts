import type { IncomingMessage, ServerResponse } from 'node:http';

/** Pieces of at least this length are passed on unchanged. */
const shortBytes = 4096;
/** The most bytes that wait to be joined: about one read of a socket. */
const waitingBytes = 65_536;

/**
 * Join short pieces of a body. Node passes each chunk of a chunked body to the stream of the request, and one read of the socket may
 * contain ten thousand chunks of one byte. The stream costs microseconds and hundreds of bytes per piece.
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
    // Flush after this turn of the event loop has read all its data.
    if (length === 0) setImmediate(flush);
    pieces.push(piece);
    length += piece.length;
    return length < waitingBytes || flush();
  };
}

/**
 * Discard the rest of a body that the handler did not read, so that the connection can be reused. @hono/node-server would discard
 * for 500 ms only and then close the connection. A handler that stopped in the middle of a body has left its listener: a body stream of
 * @hono/node-server pauses the request at each chunk, and an iterator of Node keeps the request from flowing.
 */
export function discardBody(incoming: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.once('close', () => {
    if (incoming.readableEnded || !outgoing.writableFinished) return;
    // @hono/node-server does nothing if the body has ended, so tell it so. Node itself does not use this property.
    Object.defineProperty(incoming, 'readableEnded', { value: true });
    incoming.removeAllListeners('data');
    incoming.removeAllListeners('readable');
    incoming.resume();
  });
}
