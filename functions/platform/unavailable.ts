/**
 * A store did not answer, or had no capacity, after every retry. Nothing is wrong with what was asked: the same may
 * succeed later.
 */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
  /** When to ask again. */
  readonly retryAfterMs = 5000;
}
