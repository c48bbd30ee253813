/**
 * A store did not answer, had no capacity, or denied access, after every retry. Nothing is wrong with the request, so the
 * same request may succeed later.
 */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
  /** The store's code of the fault. It may be logged; the message may not. */
  readonly code: string;
  /** When to try again. */
  readonly retryAfterMs = 5000;

  constructor(message: string, { code = 'no answer', ...options }: ErrorOptions & { readonly code?: string } = {}) {
    super(message, options);
    this.code = code;
  }
}
