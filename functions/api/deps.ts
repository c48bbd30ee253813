import type { Engine } from '../inference/pool.ts';
import type { Router } from '../inference/router.ts';
import type { PollStates, StowTarget } from '../pacs/connections.ts';
import type { Logger } from '../platform/log.ts';
import type { Budget } from '../platform/memory-budget.ts';
import type { Platform } from '../storage/platform.ts';
import type { RateLimiter } from './http/rate-limiter.ts';

/** What the API needs of the configured PACS. A tenant sees only its own PACS. */
export type ConnectedPacs = {
  namesOf(tenant: string): readonly string[];
  stowOf(tenant: string): StowTarget | undefined;
  /** Poll a PACS now. */
  pollNow(name: string): unknown;
  /** The number of polled PACS per state. Undefined if this process polls no PACS. */
  pollStates?(): PollStates | undefined;
};

/** The dependencies of the API. A test passes other implementations. */
export type Deps = {
  readonly router: Router;
  readonly engine: Pick<Engine, 'read' | 'inspect' | 'status' | 'overload' | 'ready'>;
  readonly platform: Omit<Platform, 'close'>;
  readonly pacs: ConnectedPacs;
  readonly log: Logger;
  /** Whether callers need a key. */
  readonly authRequired: boolean;
  /** The origins whose pages may call the API. */
  readonly corsOrigins: readonly string[];
  /** Memory budget for films, shared by all requests and jobs. */
  readonly budget: Budget;
  readonly maxBodyBytes: number;
  /** Counts films and requests per key. Undefined if keys have no limit. */
  readonly rateLimiter?: RateLimiter | undefined;
  /** Limit for one upload, and for one instance of a STOW-RS request. */
  readonly maxUploadBytes: number;
  readonly device: string;
};
