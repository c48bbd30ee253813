import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** How long nothing may come of a body that is not complete. */
const idleMs = 60_000;
/** So many looks in that time: a single one after a stall of this process would come before what has arrived. */
const looks = 4;

/**
 * Let a body take as long as it takes, as long as it goes on: a study on a slow line takes hours, where Node would cut
 * off every request after five minutes. A sender that stops in the middle for `afterMs` is given up; the head of a
 * request has the minute that Node gives it.
 */
export function letBodiesTakeTime(server: Pick<Server, 'requestTimeout' | 'on'>, afterMs = idleMs): void {
  server.requestTimeout = 0;
  server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
    const { socket } = incoming;
    let seen = socket.bytesRead;
    let quietLooks = 0;
    const timer = setInterval(() => {
      if (incoming.complete) return clearInterval(timer);
      // What has come and is not taken yet: then the sender waits for this service, not the other way round.
      const goesOn = socket.bytesRead > seen || incoming.readableLength > 0;
      seen = socket.bytesRead;
      quietLooks = goesOn ? 0 : quietLooks + 1;
      if (quietLooks < looks) return;
      clearInterval(timer);
      if (response.headersSent) socket.destroy();
      else socket.end('HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n', () => socket.destroy());
    }, afterMs / looks);
    response.once('close', () => clearInterval(timer));
  });
}
