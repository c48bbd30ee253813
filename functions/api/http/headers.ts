import { secureHeaders } from 'hono/secure-headers';

const self = ["'self'"];

/** Resources come from this service only, and no page may frame it. */
const strict = {
  defaultSrc: self,
  scriptSrc: self,
  styleSrc: self,
  imgSrc: [...self, 'blob:', 'data:'],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
};

// No HSTS header: this service speaks HTTP, on loopback or behind a proxy that terminates TLS.
const secure = (contentSecurityPolicy: typeof strict) =>
  secureHeaders({ contentSecurityPolicy, strictTransportSecurity: false });

export const pageHeaders = secure(strict);
/** `unsafe-inline`, because Scalar adds style elements to the page. */
export const docsHeaders = secure({ ...strict, styleSrc: [...self, "'unsafe-inline'"] });
