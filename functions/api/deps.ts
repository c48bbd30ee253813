import type { Engine } from '../inference/pool.ts';
import type { Router } from '../inference/router.ts';
import type { Watched } from '../pacs/connections.ts';
import type { Logger } from '../platform/log.ts';
import type { Budget } from '../platform/memory-budget.ts';
import type { ReadRequest } from '../routing/request.ts';
import type { Platform } from '../storage/platform.ts';

import type { ResultsTo } from './stow/submit.ts';

/** The PACS that are configured, as far as the API has to do with them. A tenant is told of its own and of no other. */
export type Connected = {
  namesOf(tenant: string): readonly string[];
  /** The one that results of films which a tenant sends by STOW-RS go to, and how it has its films read. */
  stowOf(tenant: string): (ResultsTo & { readonly request: ReadRequest }) | undefined;
  /** Have the follower of a PACS look for what is new, soon. */
  nudge(name: string): unknown;
  /** How many are followed or polled, by how that goes; undefined where this process watches none. */
  watched?(): Watched | undefined;
};

/** Everything the API needs, as values: a test passes its own. */
export type Deps = {
  readonly router: Router;
  readonly engine: Pick<Engine, 'read' | 'inspect' | 'status' | 'overload' | 'ready'>;
  readonly platform: Omit<Platform, 'close'>;
  readonly pacs: Connected;
  readonly log: Logger;
  /** Whether callers need a key. */
  readonly authRequired: boolean;
  /** Of what films may take in memory, of all requests and jobs together. */
  readonly budget: Budget;
  readonly maxBodyBytes: number;
  /** One upload, and one instance that comes by STOW-RS. */
  readonly maxUploadBytes: number;
  readonly device: string;
};
