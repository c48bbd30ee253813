import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

type Exchange = { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse };

/** The most waiting requests per connection, more than any real client pipelines. */
const maxPerConnection = 1000;
/** The most waiting requests of all connections. A waiting request takes about 5 kB. */
const maxTogether = 10_000;

/**
 * Answer the requests of a connection one after the other. Node parses everything that one read of the socket brings (64 kB, thousands of
 * pipelined requests) and would start all of these requests at once. Here a request starts after the response before it has
 * left the process, and the socket is not read while requests wait. Each start is a turn of the event loop of its own, so that
 * other connections are served in between.
 */
export function oneAtATime(listener: RequestListener): {
  readonly listener: RequestListener;
  /** The response to the request of a connection that is being answered now. */
  current(socket: Duplex): ServerResponse | undefined;
} {
  /** Per connection: the request that is being answered, then the requests that wait. */
  const connections = new WeakMap<Duplex, Exchange[]>();
  let waiting = 0;

  function connectionOf(socket: Socket): Exchange[] {
    const known = connections.get(socket);
    if (known) return known;
    const exchanges: Exchange[] = [];
    connections.set(socket, exchanges);
    // Node resumes the socket whenever a body is read.
    socket.on('resume', () => {
      if (exchanges.length > 1) socket.pause();
    });
    socket.once('close', () => {
      waiting -= Math.max(0, exchanges.length - 1);
      exchanges.length = 0;
    });
    return exchanges;
  }

  function start(socket: Socket, exchanges: Exchange[]): void {
    const [first] = exchanges;
    if (!first) return;
    first.outgoing.once('close', () => {
      setImmediate(() => {
        if (socket.destroyed) return;
        exchanges.shift();
        if (exchanges.length > 0) waiting--;
        if (exchanges.length <= 1) socket.resume();
        start(socket, exchanges);
      });
    });
    listener(first.incoming, first.outgoing);
  }

  return {
    current: (socket) => connections.get(socket)?.[0]?.outgoing,
    listener(incoming, outgoing) {
      const { socket } = incoming;
      if (socket.destroyed) return;
      const exchanges = connectionOf(socket);
      exchanges.push({ incoming, outgoing });
      if (exchanges.length === 1) return start(socket, exchanges);
      waiting++;
      if (exchanges.length > maxPerConnection || waiting > maxTogether) socket.destroy();
      else socket.pause();
    },
  };
}
