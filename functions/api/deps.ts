import type { Engine } from '../engine/engine.ts';
import type { Router } from '../engine/open.ts';
import type { Logger } from '../platform/log.ts';
import type { ReadingStore } from '../platform/store.ts';

/** Everything the API needs, as values: a test passes its own. */
export type Deps = {
  readonly router: Router;
  readonly engine: Pick<Engine, 'read' | 'status' | 'ready'>;
  readonly store: Pick<ReadingStore, 'get' | 'put'>;
  readonly log: Logger;
  readonly maxBodyBytes: number;
  readonly device: string;
};
