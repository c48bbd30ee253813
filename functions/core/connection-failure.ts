const kinds = {
  refused: /^ECONNREFUSED$/,
  unresolved: /^(ENOTFOUND|ENODATA|EAI_\w+)$/,
  unreachable: /^(ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/,
  untrusted: /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_UNTRUSTED)$/,
  outdated: /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
  otherHost: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
  notTls: /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/,
  tls: /^(ERR_SSL_\w+|ERR_TLS_\w+|CERT_\w+|EPROTO)$/,
  notHttp: /^HPE_\w+$/,
  broken: /^(ECONNRESET|ECONNABORTED|EPIPE|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_\w+)$/,
} as const;

export type ConnectionFailureKind = keyof typeof kinds | 'unknown';

/** What each kind of failure means. The subject of the sentence is the other machine. */
export const connectionFailureTexts: Readonly<Record<ConnectionFailureKind, string>> = {
  refused: 'refused the connection',
  unresolved: 'has a host name that cannot be resolved',
  unreachable: 'cannot be reached over the network',
  untrusted: 'has a TLS certificate that this machine does not trust',
  outdated: 'has a TLS certificate that has expired or is not valid yet',
  otherHost: 'has a TLS certificate for another host name',
  notTls: 'does not speak TLS at this port',
  tls: 'and this machine agree on no TLS connection',
  notHttp: 'does not speak HTTP at this port',
  broken: 'closed the connection before its answer was complete',
  unknown: 'cannot be called',
};

/** Why a connection failed. The message of the error is not used, because it may contain an address. `code` is for the log. */
export function connectionFailureOf(error: unknown): { readonly kind: ConnectionFailureKind; readonly code: string } {
  const code = codeOf(error);
  const found = Object.entries(kinds).find(([, pattern]) => pattern.test(code));
  return { kind: (found?.[0] as ConnectionFailureKind | undefined) ?? 'unknown', code };
}

/** The code of an error or of its cause, for example ECONNREFUSED; without a code, the name of the first cause. */
function codeOf(error: unknown): string {
  let name = 'unknown';
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string' && /^[A-Z0-9_]+$/.test(at.code)) return at.code;
    // Undici gives its parser errors a code only sometimes.
    name = at.name === 'HTTPParserError' ? 'HPE_INVALID' : at.name;
  }
  return name;
}
