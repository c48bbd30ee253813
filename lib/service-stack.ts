import { type CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { ApiService } from './compute/api-service.ts';
import { Cluster } from './compute/cluster.ts';
import { Balancer } from './compute/load-balancer.ts';
import { Network } from './compute/network.ts';
import { type CudaProvider, defineTask } from './compute/task.ts';
import { WorkerService } from './compute/worker-service.ts';
import type { DataStack } from './data/data-stack.ts';
import type { Capacity, Environment } from './environments.ts';
import { Front } from './gateway/api-gateway.ts';
import { acknowledge } from './nag.ts';
import { ModelPipeline } from './operations/model-pipeline.ts';
import { Observe } from './operations/monitoring.ts';

export type ServiceStackProps = StackProps & {
  readonly environment: Environment;
  readonly data: DataStack;
  readonly cudaProvider?: CudaProvider;
};

/** Everything that runs. It keeps nothing: it may be destroyed and deployed again. */
export class ServiceStack extends Stack {
  constructor(scope: Construct, id: string, { environment, data, cudaProvider, ...props }: ServiceStackProps) {
    super(scope, id, props);
    const { logs } = data;
    const network = new Network(this, 'Network', { environment, log: logs.group('network') });
    const balancer = new Balancer(this, 'Balancer', { environment, network, audit: data.buckets.audit });
    const cluster = new Cluster(this, 'Cluster', { environment, network, balancer });
    const task = (role: 'api' | 'worker', name: string, capacity: Capacity, log: LogGroup) =>
      defineTask(this, `${name}Task`, {
        ...{ environment, data, role, capacity, log },
        name: name.toLowerCase(),
        ...(cudaProvider && { cudaProvider }),
      });

    const log = { api: logs.group('api'), worker: logs.group('worker') };
    const parts = environment.split.map((part, at) => ({ ...part, priority: at + 1 }));
    const all = { name: 'Api', capacity: environment.api, priority: 100 };
    const services = [...parts, all].map(
      ({ name, ...part }) =>
        new ApiService(this, name, {
          ...{ environment, balancer, cluster, ...part },
          task: task('api', name, part.capacity, log.api),
        }),
    );
    const worker = new WorkerService(this, 'Worker', {
      ...{ environment, balancer, cluster },
      task: task('worker', 'Worker', environment.worker, log.worker),
      queue: data.jobs.queue,
    });
    const front = new Front(this, 'Front', { environment, network, balancer, data });
    new Observe(this, 'Observe', { ...{ environment, data, front, services, worker }, logs: Object.values(log) });
    const { pipeline } = environment;
    if (pipeline) new ModelPipeline(this, 'Pipeline', { environment, pipeline, data, network });

    // The one that CDK makes, under a name that can be asked for.
    (front.api.node.findChild('Endpoint') as CfnOutput).overrideLogicalId('Url');
    acknowledge(
      this,
      'CDK writes grants as a policy of their one role: it lives and ends with it and can be lent to no other.',
      'HIPAA.Security-IAMNoInlinePolicy',
    );
  }
}
