import type { RouteRequest } from './cheapest-plan.ts';

/** One normalised request. Requests that mean the same are equal, whatever their order or spelling. */
export type ReadRequest = RouteRequest & {
  readonly policy: string;
  readonly explain: boolean;
  /** Local prevalence by finding. Findings that are not named keep the prevalence of the training films. */
  readonly prevalence: Readonly<Record<string, number>>;
};
