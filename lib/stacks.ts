import { type App, Tags } from 'aws-cdk-lib';
import type { CudaProvider } from './compute/task.ts';
import { DataStack } from './data/data-stack.ts';
import { contradictions, type Environment } from './environments.ts';
import { ServiceStack } from './service-stack.ts';

/** Both stacks of an environment. Throws if the environment contradicts itself. */
export function stacks(app: App, environment: Environment, cudaProvider?: CudaProvider) {
  const wrong = contradictions(environment);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  const { name, region, keepData } = environment;
  // No account: the template is the same in each, and synthesis needs none. The region is named, because the load
  // balancer's log delivery is an account of AWS that differs by region.
  const props = { env: { region }, environment, terminationProtection: keepData } as const;
  const data = new DataStack(app, `Alara-${name}-Data`, {
    ...props,
    description: `Alara ${name}: what is kept (models, films that wait, readings, jobs, keys)`,
  });
  const service = new ServiceStack(app, `Alara-${name}-Service`, {
    ...props,
    // Nothing is kept here: it may go and come back.
    terminationProtection: name === 'prod',
    description: `Alara ${name}: the service; destroyed and deployed again without loss`,
    data,
    ...(cudaProvider && { cudaProvider }),
  });
  for (const stack of [data, service]) {
    Tags.of(stack).add('alara:environment', name);
    Tags.of(stack).add('alara:stack', stack === data ? 'data' : 'service');
  }
  return { data, service };
}
