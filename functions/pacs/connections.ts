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
import { type PollLoop, type PollState, startPollLoop } from './poll-loop.ts';
import { createQidoPoller } from './qido-poller.ts';
import type { PacsRequest } from './request.ts';
import { createStoreResults } from './store-results.ts';
import { studyHandler } from './study/handler.ts';
import { type ConnectedSource, connectSource } from './study/source.ts';
import { submitStudy } from './study/submit.ts';

/** The number of PACS that this process polls, per state. */
export type PollStates = Readonly<Record<PollState | 'paused', number>>;

/** The PACS that stores the results of films that a tenant sends by STOW-RS, and how these films are read. */
export type StowTarget = PacsRequest & { readonly pacs: string };

export type Pacs = {
  /** Names of the PACS of a tenant. */
  namesOf(tenant: string): readonly string[];
  stowOf(tenant: string): StowTarget | undefined;
  /** Poll a PACS now. */
  pollNow(name: string): void;
  /** Undefined if this process polls no PACS. */
  pollStates(): PollStates | undefined;
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
  readonly budget: Pick<Budget, 'runInTurn'>;
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
  const storeResults = createStoreResults(targets, { family: router.family, version });
  const handler = studyHandler({ sources, router, engine, platform, budget, storeResults, version });
  const entriesOf = (tenant: string) => entries.filter(([, settings]) => settings.tenant === tenant);
  const loops = new Map<string, readonly PollLoop[]>();
  const paused = new Set<string>();

  function startPolling(name: string, settings: PacsSettings): PollLoop[] {
    const submit = submitStudy(platform);
    const now = () => new Date();
    const started: PollLoop[] = [];
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
        setPaused: (isPaused) => void (isPaused ? paused.add(name) : paused.delete(name)),
      });
      started.push(startPollLoop(pollOnce, follow.everySeconds * 1000, log.child({ pacs: name })));
    }
    if (poll && dicomWeb) {
      const pollOnce = createQidoPoller({
        pacs: name,
        settings: { ...settings, poll },
        dicomWeb,
        verifyMs,
        submit,
        log,
        now,
      });
      started.push(startPollLoop(pollOnce, poll.everySeconds * 1000, log.child({ pacs: name })));
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
    pollNow(name) {
      for (const loop of loops.get(name) ?? []) loop.pollNow();
    },
    pollStates() {
      if (loops.size === 0) return undefined;
      const count = { starting: 0, watched: 0, unavailable: 0, paused: 0 };
      for (const [name, started] of loops)
        for (const state of started.map((one) => one.state()))
          count[state === 'watched' && paused.has(name) ? 'paused' : state]++;
      return count;
    },
    storeResults,
    requestOf: (name) => sources.get(name)?.request,
    async watchFilm(name, film, signal) {
      const films = Object.values(film).every(isUidText) ? sources.get(name)?.films : undefined;
      const before = await films?.listedAs(film, signal);
      // If the PACS does not answer now, the film cannot be compared. The search before storing then reports the outage.
      const listedAs = before?.ok ? before.value : undefined;
      if (!films || listedAs === undefined) return undefined;
      return () => checkUnchanged(films, film, listedAs, signal);
    },
    handler,
    start() {
      for (const [name, settings] of entries) loops.set(name, startPolling(name, settings));
    },
    async close() {
      stopped.abort();
      await Promise.all([...loops.values()].flat().map((loop) => loop.close()));
    },
  };
}
