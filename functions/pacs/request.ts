import type { Fault } from '../core/fault.ts';
import { advice } from '../core/fault-status.ts';
import { detailsText } from '../core/problem.ts';
import type { Router } from '../inference/router.ts';
import { ConfigError } from '../platform/config.ts';
import { requestDigest } from '../results/request-digest.ts';
import { route } from '../routing/cheapest-plan.ts';
import { parseParameters } from '../routing/parameters.ts';
import { presentAssignment } from '../routing/present.ts';
import type { ReadRequest } from '../routing/request.ts';
import type { PacsSettings } from './config.ts';

/** How the films of a PACS are read. */
export type PacsRequest = {
  readonly request: ReadRequest;
  /** Digest of the plan of the request: part of the UIDs of the results, and known before a film is read. */
  readonly requestDigest: string;
};

/** The one request for all films of a PACS, from its settings. Throws ConfigError if no model can serve the request. */
export function pacsRequest(
  name: string,
  settings: Pick<PacsSettings, 'findings' | 'minAuroc' | 'prevalence' | 'policy' | 'operatingPoint' | 'results'>,
  { vocabulary, family, costs }: Pick<Router, 'vocabulary' | 'family' | 'costs'>,
): PacsRequest {
  const { findings, minAuroc, prevalence, policy: policyName, operatingPoint } = settings;
  const settable = { findings, minAuroc, prevalence, policy: policyName, operatingPoint };
  const parameters = Object.fromEntries(Object.entries(settable).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
  const configError = ({ code, ...members }: Fault) =>
    new ConfigError(
      `ALARA_PACS: pacs.${name}: ${advice[code].title} (${detailsText(members, (parameter) => parameter)}). ${advice[code].fix}`,
    );
  const request = parseParameters(parameters, vocabulary);
  if (!request.ok) throw configError(request.fault);
  const policy = family.policies[request.value.policy];
  if (!policy) throw new Error(`unknown policy ${request.value.policy} after its parameters were checked`);
  const plan = route(family.catalog, policy, costs, request.value);
  if (!plan.ok) throw configError(plan.fault);
  const served = plan.value.assignments.map((assignment) => {
    const routed = presentAssignment(assignment);
    return { ...routed, prevalence: request.value.prevalence[routed.finding] ?? routed.operatingPoint.prevalence };
  });
  return {
    // The Secondary Capture shows heat maps.
    request: { ...request.value, explain: settings.results.includes('sc') },
    requestDigest: requestDigest(plan.value.policy, served),
  };
}
