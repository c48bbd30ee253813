import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Variant } from '../core/catalog.ts';
import { canonical } from '../core/digest.ts';
import { redactedError } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import type { Result } from '../core/result.ts';
import { type LoadedFamily, loadFamily } from '../models/load.ts';
import { type HostCosts, hostCosts } from '../models/measured-costs.ts';
import { isStore } from '../models/store/open-store.ts';
import { type Config, ConfigError } from '../platform/config.ts';
import { sha256Sync } from '../platform/digest.ts';
import type { Logger } from '../platform/log.ts';
import type { RouteRequest } from '../routing/cheapest-plan.ts';
import { type CostTable, costTable } from '../routing/cost-table.ts';
import type { Vocabulary } from '../routing/parameters.ts';
import { planRequest, type RequestPlan } from '../routing/plan-request.ts';
import { readingId } from '../routing/reading-id.ts';
import type { ReadRequest } from '../routing/request.ts';
import { createEngine, type Engine, type EngineHooks } from './pool.ts';

/** Costs that are not those of this host or of the device in use. */
export type CostProblem = {
  readonly event: 'costs_of_another_device' | 'measured_costs_ignored';
  readonly problem: string;
};

/** A family with its costs and policies: enough to plan, explain and identify readings without loading a model. */
export type Router = {
  readonly family: LoadedFamily;
  readonly costs: CostTable;
  /** What is wrong with the costs, with the fix. The plans are valid nevertheless. */
  readonly costProblems: readonly CostProblem[];
  readonly vocabulary: Vocabulary;
  /** Which variants run for a request, and why. */
  plan(request: RouteRequest & { readonly policy: string }): Result<RequestPlan, Fault>;
  /** The id of a tenant's reading of a film under a request. */
  identify(tenant: string, bytes: Uint8Array<ArrayBuffer>, request: ReadRequest): Promise<string>;
  /** The same id from the SHA-256 of the film, in hexadecimal. */
  identifyDigest(tenant: string, body: string, request: ReadRequest): string;
};

/** Load the configured family from its folder. Throws ConfigError or CatalogError. */
export function openRouter(config: Pick<Config, 'models' | 'family' | 'policy' | 'device' | 'data'>): Router {
  if (isStore(config.models))
    throw new ConfigError(
      `ALARA_MODELS=${config.models}: only alara serve and alara catalog read a store; name a folder here.`,
    );
  return routerOf(loadFamily(config.models, config.family), config);
}

/** The most plans that are kept. One takes about 10 kB. */
const maxPlans = 100;

/** Make the router of a loaded family. Throws ConfigError. */
export function routerOf(family: LoadedFamily, config: Pick<Config, 'policy' | 'device' | 'data'>): Router {
  const host = hostCosts(config.data, family, config.device);
  const costs = costTable(family.catalog, config.device, host.costs);
  const defaultPolicy = config.policy ?? family.ownPolicy;
  if (!family.policies[defaultPolicy])
    throw new ConfigError(
      `ALARA_POLICY=${defaultPolicy}: no such policy. Known: ${Object.keys(family.policies).join(', ')}.`,
    );
  const costDigest = sha256Sync(canonical(costs.rows));
  const identifyDigest: Router['identifyDigest'] = (tenant, body, request) =>
    readingId(
      {
        tenant,
        body,
        catalog: family.digest,
        policy: family.policyDigests[request.policy] ?? '',
        costs: costDigest,
        request,
      },
      sha256Sync,
    );
  /** Plans of earlier requests. A plan depends on these parameters only, and most requests repeat those of others. */
  const plans = new Map<string, Result<RequestPlan, Fault>>();
  const plan: Router['plan'] = ({ findings, minAuroc, variant, bestEffort, policy, operatingPoint }) => {
    const request = { findings, minAuroc, variant, bestEffort, policy, operatingPoint };
    const key = canonical(request);
    const known = plans.get(key);
    if (known) return known;
    if (plans.size >= maxPlans) plans.clear();
    const made = planRequest({ catalog: family.catalog, policies: family.policies, costs }, request);
    plans.set(key, made);
    return made;
  };
  return {
    family,
    costs,
    costProblems: costProblemsOf(host, costs, config.device),
    vocabulary: { catalog: family.catalog, policies: family.policies, defaultPolicy },
    plan,
    identify: async (tenant, bytes, request) => identifyDigest(tenant, await sha256InTurns(bytes), request),
    identifyDigest,
  };
}

function costProblemsOf({ problem }: HostCosts, costs: CostTable, device: string): CostProblem[] {
  const problems: CostProblem[] = [];
  if (problem !== undefined) problems.push({ event: 'measured_costs_ignored', problem });
  if (costs.device !== device)
    problems.push({
      event: 'costs_of_another_device',
      problem: `the models run on ${device}, and the catalog has costs of ${costs.device} only, so plans are the cheapest on ${costs.device}. Run alara catalog measure on this host.`,
    });
  return problems;
}

/** SHA-256 of a film, yielding to the event loop after each mebibyte. Web Crypto would copy the film first. */
async function sha256InTurns(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += 2 ** 20) {
    if (at > 0) await setImmediate();
    hash.update(bytes.subarray(at, at + 2 ** 20));
  }
  return hash.digest('hex');
}

/** The variants that run for a request without parameters. */
export function usualVariants({ plan, vocabulary: { catalog, defaultPolicy } }: Router): readonly Variant[] {
  const usual = plan({ policy: defaultPolicy, findings: catalog.findings, minAuroc: {}, bestEffort: true });
  if (!usual.ok) return [];
  const ids = usual.value.plan.variants.map(({ id }) => id);
  return ids.flatMap((id) => catalog.variants.find((variant) => variant.id === id) ?? []);
}

/** Log what is wrong with the costs of a router, and the fix. */
export function logCostProblems({ costProblems }: Router, log: Logger): void {
  for (const { event, problem } of costProblems) log.warn({ event }, problem);
}

/** Start the engine of a router. Its threads are warm for the usual variants. */
export const openEngine = (
  router: Router,
  config: Pick<Config, 'device' | 'threads' | 'workers' | 'queue' | 'deadlineMs' | 'memoryBytes' | 'log'>,
  { log, ...hooks }: Omit<EngineHooks, 'failed'> & { readonly log?: Logger } = {},
): Engine =>
  createEngine({
    ...config,
    ...hooks,
    plan: router.plan,
    family: router.family,
    warm: usualVariants(router).map(({ id }) => id),
    failed: (error) => log?.error({ event: 'worker_failed', error: redactedError(error) }, 'a thread failed'),
  });
