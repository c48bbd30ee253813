/** One delivery of a message. */
export type Delivery = {
  readonly body: string;
  /** How often the message was delivered, this time included. */
  readonly attempt: number;
  /** Names this delivery, not the message: one that has become visible again has a new receipt. */
  readonly receipt: string;
};

/**
 * A durable queue that delivers at least once. A delivery that is neither removed nor released within its visibility
 * timeout is delivered again: that is how the work of a process that died is taken up.
 */
export type Queue = {
  send(body: string, delayMs?: number): Promise<void>;
  /** The next message that is due, invisible to others from now on; undefined when there is none within `waitMs`. */
  receive(options: {
    readonly visibilityMs: number;
    readonly waitMs: number;
    readonly signal?: AbortSignal;
  }): Promise<Delivery | undefined>;
  /** Done with it. A receipt that has expired is ignored. */
  remove(receipt: string): Promise<void>;
  /** Deliver it again after a delay. A receipt that has expired is ignored. */
  release(receipt: string, delayMs: number): Promise<void>;
  /** Stay invisible for this long from now; false when the receipt has expired and another may have it. */
  extend(receipt: string, visibilityMs: number): Promise<boolean>;
  depth(): Promise<{ readonly waiting: number; readonly inFlight: number }>;
};
