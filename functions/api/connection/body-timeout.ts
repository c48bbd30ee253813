import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Ms } from '../../core/units.ts';
import { ms } from '../../core/units.ts';
import { closeWithProblem } from './raw-problem.ts';

/** The bytes of a body that must arrive per window while the service reads. */
export type BodyRate = { readonly windowMs: Ms; readonly bytesPerSecond: number };

/** 8 kbit/s: a tenth of the slowest line that a hospital still has. A pause of less than a minute does no harm. */
export const usualRate: BodyRate = { windowMs: ms(60_000), bytesPerSecond: 1000 };

/** How long a client may go on sending a body after its answer. */
const afterAnswerMs = 5000;

/** Checks per window: one check alone could come after a stall of this process, before what has arrived is counted. */
const checks = 4;

/**
 * End a request whose body arrives more slowly than `rate`. There is no limit on the total time: a study on a slow line takes
 * hours. Time in which received bytes wait for this service does not count. A body that goes on after its answer ends with its
 * connection.
 */
export function watchBody(incoming: IncomingMessage, outgoing: ServerResponse, rate: BodyRate): void {
  if (incoming.complete) return;
  const { socket } = incoming;
  const neededBytes = (rate.bytesPerSecond * rate.windowMs) / 1000;
  let windowStart = socket.bytesRead;
  let check = 0;
  const timer = setInterval(() => {
    if (incoming.complete) return clearInterval(timer);
    const waitsForService = incoming.readableLength > 0;
    if (waitsForService || socket.bytesRead - windowStart >= neededBytes) {
      windowStart = socket.bytesRead;
      check = 0;
    } else if (++check === checks) {
      clearInterval(timer);
      if (outgoing.headersSent) socket.destroy();
      else closeWithProblem(socket, { code: 'request_too_slow', bytesPerSecond: rate.bytesPerSecond });
    }
  }, rate.windowMs / checks);
  incoming.once('close', () => clearInterval(timer));
  outgoing.once('close', () => {
    clearInterval(timer);
    if (incoming.complete) return;
    const ending = setTimeout(() => {
      if (!incoming.complete) socket.destroy();
    }, afterAnswerMs).unref();
    // No listener on the socket: a connection that is kept would gather one per refused request.
    incoming.once('end', () => clearTimeout(ending));
  });
}
