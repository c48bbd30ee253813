import { isUidText } from '../core/uid.ts';
import type { Engine } from '../inference/pool.ts';
import type { Router } from '../inference/router.ts';
import type { Handler } from '../jobs/handler.ts';
import type { ResultSink, StoreResults } from '../jobs/result-sink.ts';
import type { Logger } from '../platform/log.ts';
import type { Budget } from '../platform/memory-budget.ts';
import type { ReadRequest } from '../routing/request.ts';
import type { Platform } from '../storage/platform.ts';
import { Follow, type PacsConfig, type PacsSettings } from './config.ts';
import { checkUnchanged } from './listed-instances.ts';
import { createChangeLogPoller } from './orthanc/change-log-poller.ts';
import { type Watch, type WatchState, watch } from './poll-loop.ts';
import { createPoller } from './qido-poller.ts';
import type { PacsRequest } from './request.ts';
import { storeResultsIn } from './store-results.ts';
import { studyHandler } from './study/handler.ts';
import { type ConnectedSource, connectSource } from './study/source.ts';
import { submitStudy } from './study/submit.ts';

/** The number of PACS per state, of those that this process polls. */
export type Watched = Readonly<Record<WatchState | 'paused', number>>;

/** The PACS that stores the results of films that a tenant sends by STOW-RS, and how these films are read. */
export type StowTarget = PacsRequest & { readonly pacs: string };

export type Pacs = {
  /** Names of the PACS of a tenant. */
  namesOf(tenant: string): readonly string[];
  stowOf(tenant: string): StowTarget | undefined;
  /** Poll a PACS now. */
  nudge(name: string): void;
  /** Undefined if this process polls no PACS. */
  watched(): Watched | undefined;
  readonly storeResults: StoreResults;
  /** How the films of a PACS are read. */
  requestOf(name: string): ReadRequest | undefined;
  readonly watchFilm: NonNullable<ResultSink['watchFilm']>;
  readonly handler: Handler<'study'>;
  /** Start polling. */
  start(): void;
  close(): Promise<void>;
};

export type PacsDeps = {
  readonly router: Router;
  readonly engine: Pick<Engine, 'read' | 'render'>;
  readonly platform: Pick<Platform, 'readings' | 'filmOutcomes' | 'jobs' | 'queue' | 'enqueue' | 'cursors'>;
  readonly budget: Pick<Budget, 'inTurn'>;
  readonly log: Logger;
  /** Version of this software. */
  readonly version: string;
};

/** Connect the service to its PACS. Throws ConfigError if no model can serve the request of a PACS. */
export function openPacs(
  config: PacsConfig | null,
  { router, engine, platform, budget, log, version }: PacsDeps,
): Pacs {
  const entries = Object.entries(config ?? {});
  const stopped = new AbortController();
  const sources = new Map<string, ConnectedSource>();
  for (const [name, settings] of entries) sources.set(name, connectSource(name, settings, router, log, stopped.signal));
  const targets = new Map(
    [...sources].map(([name, { dicomWeb, settings }]) => {
      const { tenant, results } = settings;
      return [name, { dicomWeb, tenant, results }];
    }),
  );
  const storeResults = storeResultsIn(targets, { family: router.family, version });
  const handler = studyHandler({ sources, router, engine, platform, budget, storeResults, version });
  const entriesOf = (tenant: string) => entries.filter(([, settings]) => settings.tenant === tenant);
  const watches = new Map<string, readonly Watch[]>();
  const paused = new Set<string>();

  function startWatches(name: string, settings: PacsSettings): Watch[] {
    const submit = submitStudy(platform);
    const now = () => new Date();
    const started: Watch[] = [];
    const { poll } = settings;
    const { orthanc, dicomWeb, verifyMs } = sources.get(name) ?? {};
    if (orthanc) {
      const follow = Follow.parse(settings.follow ?? {});
      const pollOnce = createChangeLogPoller({
        pacs: name,
        settings: { ...settings, follow },
        orthanc,
        platform,
        submit,
        log,
        now,
        clock: () => performance.now(),
        paused: (isPaused) => void (isPaused ? paused.add(name) : paused.delete(name)),
      });
      started.push(watch(pollOnce, follow.everySeconds * 1000, log.child({ pacs: name })));
    }
    if (poll && dicomWeb) {
      const pollOnce = createPoller({
        pacs: name,
        settings: { ...settings, poll },
        dicomWeb,
        verifyMs,
        submit,
        log,
        now,
      });
      started.push(watch(pollOnce, poll.everySeconds * 1000, log.child({ pacs: name })));
    }
    return started;
  }

  return {
    namesOf: (tenant) => entriesOf(tenant).map(([name]) => name),
    stowOf(tenant) {
      const [pacs] = entriesOf(tenant).find(([, { sendResultsOfStow }]) => sendResultsOfStow) ?? [];
      const source = pacs !== undefined && sources.get(pacs);
      return source ? { pacs, request: source.request, requestDigest: source.requestDigest } : undefined;
    },
    nudge(name) {
      for (const watch of watches.get(name) ?? []) watch.nudge();
    },
    watched() {
      if (watches.size === 0) return undefined;
      const count = { starting: 0, watched: 0, unavailable: 0, paused: 0 };
      for (const [name, started] of watches)
        for (const state of started.map((one) => one.state()))
          count[state === 'watched' && paused.has(name) ? 'paused' : state]++;
      return count;
    },
    storeResults,
    requestOf: (name) => sources.get(name)?.request,
    async watchFilm(name, film, signal) {
      const films = Object.values(film).every(isUidText) ? sources.get(name)?.films : undefined;
      const before = await films?.listedAs(film, signal);
      // If the PACS does not answer now, no comparison is possible. The search before storing then reports the outage.
      const listedAs = before?.ok ? before.value : undefined;
      if (!films || listedAs === undefined) return undefined;
      return () => checkUnchanged(films, film, listedAs, signal);
    },
    handler,
    start() {
      for (const [name, settings] of entries) watches.set(name, startWatches(name, settings));
    },
    async close() {
      stopped.abort();
      await Promise.all([...watches.values()].flat().map((watch) => watch.close()));
    },
  };
}
