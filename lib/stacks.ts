import { type App, Tags } from 'aws-cdk-lib';
import type { CudaProvider } from './compute/image.ts';
import { DataStack } from './data/data-stack.ts';
import { contradictions, type Environment } from './environments.ts';
import { ServiceStack } from './service-stack.ts';

/** Create both stacks of an environment. Throws if the environment contradicts itself. */
export function createStacks(app: App, environment: Environment, cudaProvider?: CudaProvider) {
  const errors = contradictions(environment);
  if (errors.length > 0) throw new Error(errors.join('\n'));
  const { name, region, keepData } = environment;
  // No account is set, so the template is the same for every account, and synthesis needs no credentials. The region is set,
  // because the AWS account that delivers the logs of the load balancer differs per region.
  const props = { env: { region }, environment } as const;
  const data = new DataStack(app, `Alara-${name}-Data`, {
    ...props,
    terminationProtection: keepData,
    description: `Alara ${name}: retained data (models, uploaded films, readings, jobs, keys)`,
  });
  const service = new ServiceStack(app, `Alara-${name}-Service`, {
    ...props,
    terminationProtection: name === 'prod',
    description: `Alara ${name}: the service, without data: it can be destroyed and deployed again`,
    data,
    ...(cudaProvider && { cudaProvider }),
  });
  for (const stack of [data, service]) {
    Tags.of(stack).add('alara:environment', name);
    Tags.of(stack).add('alara:stack', stack === data ? 'data' : 'service');
  }
  return { data, service };
}
