/** One delivery of a message. */
export type Delivery = {
  readonly body: string;
  /** The number of deliveries of the message, this one included. */
  readonly attempt: number;
  /** Identifies this delivery, not the message. The next delivery of the message has another receipt. */
  readonly receipt: string;
};

/**
 * A durable queue that delivers at least once. If a delivery is neither removed nor released within its visibility timeout,
 * the message is delivered again, so another process takes over the work of one that died.
 */
export type Queue = {
  send(body: string, delayMs?: number): Promise<void>;
  /** The next due message, which is then invisible to others. Undefined where there is none within `waitMs`. */
  receive(options: {
    readonly visibilityMs: number;
    readonly waitMs: number;
    readonly signal?: AbortSignal;
  }): Promise<Delivery | undefined>;
  /** Remove the message. An expired receipt is ignored. */
  remove(receipt: string): Promise<void>;
  /** Deliver the message again after a delay. An expired receipt is ignored. */
  release(receipt: string, delayMs: number): Promise<void>;
  /** Keep the message invisible for this time from now. False where the receipt has expired, so another may have the message. */
  extend(receipt: string, visibilityMs: number): Promise<boolean>;
  depth(): Promise<{ readonly waiting: number; readonly inFlight: number }>;
};
