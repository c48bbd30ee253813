import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Discard the rest of a body that the handler did not read, so that the connection can be reused. @hono/node-server would discard
 * for 500 ms only and then close the connection. If its body stream has started, the stream also pauses the request at each chunk.
 */
export function discardBody(incoming: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.once('close', () => {
    if (incoming.readableEnded || !outgoing.writableFinished) return;
    // @hono/node-server does nothing if the body has ended, so tell it so. Node itself does not use this property.
    Object.defineProperty(incoming, 'readableEnded', { value: true });
    incoming.removeAllListeners('data');
    incoming.resume();
  });
}
