import { Period, type RestApi, type StageOptions } from 'aws-cdk-lib/aws-apigateway';
import type { Environment } from '../environments.ts';

/** The limit of requests per second of all callers together. */
export const stageThrottle = ({
  limits,
}: Environment): Pick<StageOptions, 'throttlingRateLimit' | 'throttlingBurstLimit'> => ({
  throttlingRateLimit: limits.stage,
  throttlingBurstLimit: limits.stage * 2,
});

/** Add the limits per API key: requests per second and per month. */
export function addUsagePlan(api: RestApi, { name, limits }: Environment): void {
  const plan = api.addUsagePlan('Plan', {
    name: `alara-${name}`,
    description: 'API keys of callers. Each value is a key of the service, made with alara keys create',
    throttle: { rateLimit: limits.key, burstLimit: limits.key * 2 },
    quota: { limit: limits.keyMonth, period: Period.MONTH },
  });
  plan.addApiStage({ stage: api.deploymentStage });
}
