import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Read the rest of a body that its handler did not need, so that the connection can be used again. @hono/node-server would do so for 500 ms
 * and then close the connection, and its own body stream, once started, pauses the request at each piece.
 */
export function discardBody(incoming: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.once('close', () => {
    if (incoming.readableEnded || !outgoing.writableFinished) return;
    // @hono/node-server leaves a request alone whose body has ended. Node itself does not use this property.
    Object.defineProperty(incoming, 'readableEnded', { value: true });
    incoming.removeAllListeners('data');
    incoming.resume();
  });
}
