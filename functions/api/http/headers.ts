import { secureHeaders } from 'hono/secure-headers';

const own = ["'self'"];

/** Resources come from this service only, and no page may frame it. */
const strict = {
  defaultSrc: own,
  scriptSrc: own,
  styleSrc: own,
  imgSrc: [...own, 'blob:', 'data:'],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
};

// Plain HTTP on loopback is normal; TLS ends in front of this service.
const secure = (contentSecurityPolicy: typeof strict) =>
  secureHeaders({ contentSecurityPolicy, strictTransportSecurity: false });

export const pageHeaders = secure(strict);
/** Scalar writes its styles into the page. */
export const docsHeaders = secure({ ...strict, styleSrc: [...own, "'unsafe-inline'"] });
