import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Open a connection to a service. Errors of the connection are expected and ignored. */
export function open(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname).on('error', () => undefined);
}

/** Requests for one path, written at once on one connection. */
export const pipelined = (path: string, count: number) =>
  `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`.repeat(count);

/** The longest answer time of /health/live on new connections, in ms of `clock`, until `stop` is called. */
export function watchLiveness(url: string, clock = () => performance.now()) {
  let worstMs = 0;
  let probes = 0;
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      const start = clock();
      const answer = await fetch(`${url}/health/live`, { headers: { connection: 'close' } });
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`/health/live answered ${answer.status}`);
      worstMs = Math.max(worstMs, clock() - start);
      probes++;
      await delay(20);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await watching;
      return { worstMs, probes };
    },
  };
}

/** What a connection has received so far. */
export function textOf(socket: Socket): () => string {
  let text = '';
  socket.setEncoding('latin1').on('data', (piece) => {
    text += piece;
  });
  return () => text;
}
