import { advice } from '../core/advice.ts';
import type { Fault } from '../core/fault.ts';
import { isUidText } from '../core/uid.ts';
import type { Engine } from '../inference/pool.ts';
import type { Router } from '../inference/router.ts';
import type { Handler } from '../jobs/handler.ts';
import type { Deliver, ResultSink } from '../jobs/result-sink.ts';
import { ConfigError } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import type { Budget } from '../platform/memory-budget.ts';
import { requestDigest } from '../results/request-digest.ts';
import { parseParameters } from '../routing/parameters.ts';
import { presentAssignment } from '../routing/present.ts';
import type { ReadRequest } from '../routing/request.ts';
import { route } from '../routing/route.ts';
import type { Platform } from '../storage/platform.ts';
import { Follow, type PacsConfig, type PacsSettings } from './config.ts';
import { createDeliver } from './deliver.ts';
import { createDicomWeb, type DicomWeb } from './dicomweb/client.ts';
import { stillListed } from './listed.ts';
import { createOrthanc, type Orthanc } from './orthanc/client.ts';
import { createFollower } from './orthanc/follower.ts';
import { type Watch, type WatchState, watch } from './poll-loop.ts';
import { createPoller } from './qido-poller.ts';
import { filmsOf } from './study/films.ts';
import { type Source, studyHandler } from './study/handler.ts';
import { submitStudy } from './study/submit.ts';

/** How many PACS are followed or polled, by how that goes. */
export type Watched = Readonly<Record<WatchState | 'paused', number>>;

export type Pacs = {
  /** Every PACS that is configured for a tenant. */
  namesOf(tenant: string): readonly string[];
  /** The one that gets the results of films that a tenant sent by STOW-RS, and how it has its films read. */
  stowOf(tenant: string): ({ readonly pacs: string } & Pick<Source, 'request' | 'requestDigest'>) | undefined;
  /** Look at a PACS at once. */
  nudge(name: string): void;
  /** Undefined where this process watches none. */
  watched(): Watched | undefined;
  readonly deliver: Deliver;
  /** How a PACS has its films read. */
  requestOf(name: string): ReadRequest | undefined;
  readonly watchFilm: NonNullable<ResultSink['watchFilm']>;
  readonly handler: Handler<'study'>;
  /** Begin to follow and to poll. */
  start(): void;
  close(): Promise<void>;
};

export type PacsDeps = {
  readonly router: Router;
  readonly engine: Pick<Engine, 'read' | 'render'>;
  readonly platform: Pick<Platform, 'readings' | 'filmOutcomes' | 'jobs' | 'queue' | 'enqueue' | 'cursors'>;
  readonly budget: Pick<Budget, 'inTurn'>;
  readonly log: Logger;
  /** Of this software. */
  readonly version: string;
};

/** Everything between this service and its PACS. Throws ConfigError when a PACS asks for what no model can do. */
export function openPacs(
  config: PacsConfig | null,
  { router, engine, platform, budget, log, version }: PacsDeps,
): Pacs {
  const entries = Object.entries(config ?? {});
  const stopped = new AbortController();
  const sources = new Map<string, ConnectedSource>();
  for (const [name, settings] of entries) sources.set(name, sourceOf(name, settings, router, log, stopped.signal));
  const receivers = new Map(
    [...sources].map(([name, { dicomWeb, settings }]) => {
      const { tenant, results } = settings;
      return [name, { dicomWeb, tenant, results }];
    }),
  );
  const deliver = createDeliver(receivers, { family: router.family, version });
  const handler = studyHandler({ sources, router, engine, platform, budget, deliver, version });
  const entriesOf = (asking: string) => entries.filter(([, { tenant }]) => tenant === asking);
  const watches = new Map<string, readonly Watch[]>();
  const paused = new Set<string>();

  function watchesOf(name: string, settings: PacsSettings): Watch[] {
    const submit = submitStudy(platform);
    const now = () => new Date();
    const started: Watch[] = [];
    const { poll } = settings;
    const { orthanc, dicomWeb, verifyMs } = sources.get(name) ?? {};
    if (orthanc) {
      const follow = Follow.parse(settings.follow ?? {});
      const look = createFollower({
        ...{ pacs: name, platform, submit, log, now },
        ...{ settings: { ...settings, follow }, orthanc },
        clock: () => performance.now(),
        paused: (is) => void (is ? paused.add(name) : paused.delete(name)),
      });
      started.push(watch(look, follow.everySeconds * 1000, log.child({ pacs: name })));
    }
    if (poll && dicomWeb) {
      const look = createPoller({ pacs: name, settings: { ...settings, poll }, dicomWeb, verifyMs, submit, log, now });
      started.push(watch(look, poll.everySeconds * 1000, log.child({ pacs: name })));
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
    deliver,
    requestOf: (name) => sources.get(name)?.request,
    async watchFilm(name, film, signal) {
      const films = Object.values(film).every(isUidText) ? sources.get(name)?.films : undefined;
      const before = await films?.listedAs(film, signal);
      // A PACS that does not answer now is asked for the report before anything is stored.
      const listedAs = before?.ok ? before.value : undefined;
      if (!films || listedAs === undefined) return undefined;
      return () => stillListed(films, film, listedAs, signal);
    },
    handler,
    start() {
      for (const [name, settings] of entries) watches.set(name, watchesOf(name, settings));
    },
    async close() {
      stopped.abort();
      await Promise.all([...watches.values()].flat().map((watch) => watch.close()));
    },
  };
}

type ConnectedSource = Source & { readonly dicomWeb: DicomWeb; readonly orthanc: Orthanc | undefined };

/** How a PACS has its films read, which is the same for all of them. Throws ConfigError when no model can do that. */
export function requestOf(
  name: string,
  settings: Pick<PacsSettings, 'findings' | 'minAuroc' | 'prevalence' | 'policy' | 'results'>,
  { vocabulary, family, costs }: Pick<Router, 'vocabulary' | 'family' | 'costs'>,
): Pick<Source, 'request' | 'requestDigest'> {
  const { findings, minAuroc, prevalence, policy: policyName } = settings;
  const asked = { findings, minAuroc, prevalence, policy: policyName };
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
  const wrong = (fault: Fault) =>
    new ConfigError(
      `ALARA_PACS: pacs.${name}: ${advice[fault.code].title}. ${advice[fault.code].fix} ${JSON.stringify(fault)}`,
    );
  const request = parseParameters(given, vocabulary);
  if (!request.ok) throw wrong(request.fault);
  const policy = family.policies[request.value.policy];
  if (!policy) throw new Error(`policy ${request.value.policy} was checked by its parameters`);
  const plan = route(family.catalog, policy, costs, request.value);
  if (!plan.ok) throw wrong(plan.fault);
  const served = plan.value.assignments.map((assignment) => {
    const { finding, variant, why } = presentAssignment(assignment);
    const presumed = request.value.prevalence[finding] ?? assignment.variant.heads[finding]?.prevalence;
    if (presumed === undefined) throw new Error(`${variant} has no head for ${finding}`);
    return { finding, variant, why, prevalence: presumed };
  });
  return {
    // The picture shows where the model looked.
    request: { ...request.value, explain: settings.results.includes('sc') },
    requestDigest: requestDigest(plan.value.policy, served),
  };
}

function sourceOf(
  name: string,
  settings: PacsSettings,
  router: Router,
  log: Logger,
  stopped: AbortSignal,
): ConnectedSource {
  const dicomWeb = createDicomWeb({ name, baseUrl: settings.dicomWeb, ...settings });
  const { poll } = settings;
  const orthanc =
    settings.orthanc === undefined
      ? undefined
      : createOrthanc({ name, baseUrl: settings.orthanc, ...settings }, stopped);
  let isTold = false;
  function refused(fault: Fault): void {
    if (isTold) return;
    isTold = true;
    log.warn(
      { pacs: name, fault },
      'Orthanc does not tell the digests of files: films are pulled to see whether they were replaced; alara doctor says what to change',
    );
  }
  return {
    ...{ settings, dicomWeb, orthanc },
    films: filmsOf(dicomWeb, settings.modalities, orthanc, refused),
    verifyMs: poll && !orthanc ? poll.verifyMinutes * 60_000 : undefined,
    ...requestOf(name, settings, router),
  };
}
