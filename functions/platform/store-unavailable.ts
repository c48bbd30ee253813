/**
 * A store did not answer, had no capacity, or refused us, after every retry. Nothing is wrong with what was asked: the
 * same may succeed later.
 */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
  /** What the store called it: a log holds this, and not what the store said. */
  readonly code: string;
  /** When to ask again. */
  readonly retryAfterMs = 5000;

  constructor(message: string, { code = 'no answer', ...options }: ErrorOptions & { readonly code?: string } = {}) {
    super(message, options);
    this.code = code;
  }
}
