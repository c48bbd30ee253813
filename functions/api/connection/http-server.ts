import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { Fault } from '../../core/fault.ts';
import type { Logger } from '../../platform/log.ts';
import { type BodyRate, usualRate, watchBody } from './body-timeout.ts';
import { connectionLimit } from './connection-limit.ts';
import { discardBody, joinPieces } from './incoming-body.ts';
import { answerFault, type HeadRule } from './overload.ts';
import { oneAtATime } from './pipelining.ts';
import { closeWithProblem, problemResponse } from './raw-problem.ts';

/**
 * The life of an idle connection. It is longer than the idle timeout of the load balancer (60 s in lib/compute/load-balancer.ts): if this
 * server closed first, the load balancer would answer a request in flight with 502.
 */
export const keepAliveMs = 75_000;
/** The timeout for the headers of a request. It is longer than the idle time, because Node counts the idle time before a request too. */
export const headersMs = 80_000;

/** Node ignores further headers silently, and an ignored header may be the API key. */
const maxHeaders = 100;
const maxHeaderBytes = 16_384;

export type HttpServerOptions = {
  readonly fetch: (request: Request, bindings?: object) => Response | Promise<Response>;
  /** Receives the head of each request before `fetch`. */
  readonly refuse?: HeadRule;
  readonly log?: Logger;
  readonly bodyRate?: BodyRate;
  /** The time after which a client that reads nothing of its answer is dropped. */
  readonly stalledMs?: number;
  readonly maxConnections?: number;
  /** Called when a connection was closed or refused because too many are open. */
  readonly dropped?: (limit: number) => void;
};

/** The HTTP server of the API. Everything that a client can make it hold has a bound. */
export function createHttpServer({
  fetch,
  refuse,
  log,
  bodyRate = usualRate,
  stalledMs = keepAliveMs,
  maxConnections = connectionLimit(),
  dropped,
}: HttpServerOptions): Server {
  const serverOptions = {
    keepAliveTimeout: keepAliveMs,
    headersTimeout: headersMs,
    // The rate bounds a body; its total time is not limited.
    requestTimeout: 0,
    maxHeaderSize: maxHeaderBytes,
    // Node would answer without a problem document.
    requireHostHeader: false,
  };
  const handle = getRequestListener(fetch, {
    // A request of HTTP/1.0 may have no Host: the health checks of load balancers have none.
    hostname: 'localhost',
    errorHandler: (error) =>
      problemResponse(
        error instanceof RequestError ? { code: 'malformed_http', problem: error.message } : { code: 'internal' },
      ),
  });
  /** Connections without a request, oldest first. */
  const unused = new Set<Duplex>();
  /** Requests whose clients wait for 100 Continue before they send the body. */
  const expectant = new WeakSet<IncomingMessage>();
  let open = 0;
  const { listener, current } = oneAtATime((incoming, outgoing) => {
    if (!server.listening) outgoing.setHeader('connection', 'close');
    if (incoming.rawHeaders.length / 2 > maxHeaders)
      return closeWithProblem(incoming.socket, {
        code: 'headers_too_large',
        limit: maxHeaders,
        limitBytes: maxHeaderBytes,
      });
    const problem = headProblem(incoming);
    if (problem !== undefined) return closeWithProblem(incoming.socket, { code: 'malformed_http', problem });
    // Node takes the socket away from a request that is destroyed.
    const { socket } = incoming;
    unused.delete(socket);
    outgoing.once('close', () => {
      if (!socket.destroyed) unused.add(socket);
    });
    watchBody(incoming, outgoing, bodyRate);
    discardBody(incoming, outgoing);
    const serve = () => {
      if (expectant.delete(incoming)) outgoing.writeContinue();
      joinPieces(incoming);
      void handle(incoming, outgoing);
    };
    const verdict = refuse?.(incoming);
    if (!verdict) return serve();
    void Promise.resolve(verdict).then((refusal) => {
      if (!refusal) return serve();
      // The client may keep the body that it has announced, and the next bytes would be taken for that body (RFC 9110 10.1.1).
      if (expectant.has(incoming)) outgoing.setHeader('connection', 'close');
      answerFault(incoming, outgoing, refusal, log);
    });
  });
  const server = createServer(serverOptions, listener);
  server.on('checkExpectation', listener);
  server.on('checkContinue', (incoming, outgoing) => {
    expectant.add(incoming);
    listener(incoming, outgoing);
  });
  // No limit on their number here: they are counted above, and their bytes are limited.
  server.maxHeadersCount = 0;
  // A new connection takes the place of one that has no request: clients that only connect shut nobody out.
  server.on('connection', (socket) => {
    open++;
    unused.add(socket);
    socket.once('close', () => {
      open--;
      unused.delete(socket);
    });
    if (open <= maxConnections) return;
    const [longest] = unused;
    longest?.destroy();
    dropped?.(maxConnections);
  });
  server.timeout = stalledMs;
  // No byte moved: the connection is idle, or the client does not read. A client that waits for this service is not dropped.
  server.on('timeout', (socket) => {
    if (!current(socket) || socket.writableLength > 0) socket.destroy();
  });
  const ended = new WeakSet<Duplex>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Node reports each further piece of a broken request as another error.
    if (ended.has(socket)) return;
    ended.add(socket);
    const close = () => {
      const response = current(socket);
      // A complete request in front of the malformed bytes gets its answer first.
      if (response?.req.complete && !socket.destroyed) response.once('close', () => setImmediate(close));
      else if (error.code === 'ECONNRESET' || !socket.writable || response?.headersSent) socket.destroy();
      else closeWithProblem(socket, faultOf(error));
    };
    close();
  });
  return server;
}

/** The fault of a head that Node parses but HTTP does not allow (RFC 9112 3.2), or whose expectation is unknown (RFC 9110 10.1.1). */
function headProblem({ headers, httpVersion }: IncomingMessage): string | undefined {
  if (headers.host === undefined && httpVersion === '1.1') return 'Missing Host header';
  if (headers.expect !== undefined && !/100-continue/i.test(headers.expect)) return 'Unknown expectation in Expect';
  return undefined;
}

function faultOf({ code, message }: NodeJS.ErrnoException): Fault {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { code: 'headers_too_large', limit: maxHeaders, limitBytes: maxHeaderBytes };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { code: 'request_too_slow' };
  return { code: 'malformed_http', problem: message.replace(/^Parse Error: /, '') };
}
