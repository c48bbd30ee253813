import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Fault } from '../../core/fault.ts';
import { problemOf } from '../http/problem.ts';

/** How long a connection that this service has ended stays open for its client to read the answer. */
const lingerMs = 1000;

/**
 * Answer a request that never reached the API, then close its connection. The socket stays open for a moment: a close while the
 * client still sends would reset the connection, and the client would lose the answer.
 */
export function closeWithProblem(socket: Duplex, fault: Fault): void {
  const problem = problemOf(fault, randomUUID());
  const body = JSON.stringify(problem);
  const { status } = problem;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/problem+json',
    `x-request-id: ${problem.requestId}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** The same problem for a request that is valid HTTP/1.1 but that the API cannot process. */
export function problemResponse(fault: Fault): Response {
  const problem = problemOf(fault, randomUUID());
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', 'x-request-id': problem.requestId },
  });
}
