/** Whether a request prefers an answer before the work is done (RFC 7240 4.1). Other preferences are ignored, as RFC 7240 allows. */
export const prefersAsync = (header: string | undefined): boolean =>
  /(?:^|,)\s*respond-async\s*(?:[;,]|$)/i.test(header ?? '');
