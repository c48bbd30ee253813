import { type CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { ApiService } from './compute/api-service.ts';
import { Cluster } from './compute/cluster.ts';
import type { CudaProvider } from './compute/image.ts';
import { LoadBalancer } from './compute/load-balancer.ts';
import { Network } from './compute/network.ts';
import { defineTask } from './compute/task.ts';
import { WorkerService } from './compute/worker-service.ts';
import type { DataStack } from './data/data-stack.ts';
import type { Capacity, Environment } from './environments.ts';
import { ApiGateway } from './gateway/api-gateway.ts';
import { acknowledge } from './nag.ts';
import { ModelPipeline } from './operations/model-pipeline.ts';
import { Monitoring } from './operations/monitoring.ts';

export type ServiceStackProps = StackProps & {
  readonly environment: Environment;
  readonly data: DataStack;
  readonly cudaProvider?: CudaProvider;
};

/** The running service. It holds no data: the stack can be destroyed and deployed again. */
export class ServiceStack extends Stack {
  constructor(scope: Construct, id: string, { environment, data, cudaProvider, ...props }: ServiceStackProps) {
    super(scope, id, props);
    const { logs } = data;
    const network = new Network(this, 'Network', { environment, log: logs.group('network') });
    const loadBalancer = new LoadBalancer(this, 'Balancer', { environment, network, audit: data.buckets.audit });
    const cluster = new Cluster(this, 'Cluster', { environment, network, loadBalancer });
    const task = (role: 'api' | 'worker', name: string, capacity: Capacity, log: LogGroup) =>
      defineTask(this, `${name}Task`, {
        name: name.toLowerCase(),
        environment,
        data,
        role,
        capacity,
        log,
        ...(cudaProvider && { cudaProvider }),
      });

    const log = { api: logs.group('api'), worker: logs.group('worker') };
    const splitServices = environment.split.map((part, index) => ({ ...part, priority: index + 1 }));
    const mainService = { name: 'Api', capacity: environment.api, priority: 100 };
    const services = [...splitServices, mainService].map(
      ({ name, ...part }) =>
        new ApiService(this, name, {
          ...part,
          environment,
          loadBalancer,
          cluster,
          task: task('api', name, part.capacity, log.api),
        }),
    );
    const worker = new WorkerService(this, 'Worker', {
      environment,
      loadBalancer,
      cluster,
      task: task('worker', 'Worker', environment.worker, log.worker),
      queue: data.queues.jobs,
    });
    const gateway = new ApiGateway(this, 'Front', { environment, network, loadBalancer, data });
    new Monitoring(this, 'Observe', { environment, data, gateway, services, worker, logs: Object.values(log) });
    const { pipeline } = environment;
    if (pipeline) new ModelPipeline(this, 'Pipeline', { environment, pipeline, data, network });

    // CDK generates a logical id for this output. docs/deploy.md queries it by the fixed name `Url`.
    (gateway.api.node.findChild('Endpoint') as CfnOutput).overrideLogicalId('Url');
    acknowledge(
      this,
      'CDK writes the grants of a role as an inline policy. The policy belongs to one role and is deleted with it.',
      'HIPAA.Security-IAMNoInlinePolicy',
    );
  }
}
