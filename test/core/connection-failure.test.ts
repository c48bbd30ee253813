import { expect, test } from 'vitest';
import { connectionFailureOf } from '../../functions/core/connection-failure.ts';

/** An error as `fetch` throws it. */
const failed = (cause: object) =>
  new TypeError('fetch failed', { cause: Object.assign(new Error('of 10.0.0.5'), cause) });

test.each([
  ['ECONNREFUSED', 'refused'],
  ['EAI_AGAIN', 'unresolved'],
  ['UND_ERR_CONNECT_TIMEOUT', 'unreachable'],
  ['EHOSTUNREACH', 'unreachable'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'untrusted'],
  ['CERT_HAS_EXPIRED', 'outdated'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'otherHost'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tls'],
  ['ECONNRESET', 'broken'],
  ['UND_ERR_SOCKET', 'broken'],
  ['ESOMETHING', 'unknown'],
])('%s: %s', (code, kind) => {
  expect(connectionFailureOf(failed({ code }))).toEqual({ kind, code });
});

test('an error without a code has its name as the cause, never its message', () => {
  expect(connectionFailureOf(failed({}))).toEqual({ kind: 'unknown', code: 'Error' });
  expect(connectionFailureOf('thrown')).toEqual({ kind: 'unknown', code: 'unknown' });
});
