import type { MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { FargateService, PropagatedTagSource, type TaskDefinition } from 'aws-cdk-lib/aws-ecs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Environment } from '../environments.ts';
import type { Cluster } from './cluster.ts';
import type { LoadBalancer } from './load-balancer.ts';
import { keepQueueMetrics, openJobs, scaleByJobs } from './scaling.ts';

export type WorkerServiceProps = {
  readonly environment: Environment;
  readonly loadBalancer: LoadBalancer;
  readonly cluster: Cluster;
  readonly task: TaskDefinition;
  readonly queue: Queue;
};

/** The service that runs jobs. It scales with the number of open jobs, down to zero where the environment allows it. */
export class WorkerService extends Construct {
  readonly service: FargateService;
  readonly openJobs: MathExpression;

  constructor(scope: Construct, id: string, { environment, loadBalancer, cluster, task, queue }: WorkerServiceProps) {
    super(scope, id);
    const { worker, idle, name } = environment;
    this.service = new FargateService(this, 'Service', {
      serviceName: `alara-${name}-worker`,
      cluster: cluster.ecs,
      taskDefinition: task,
      capacityProviderStrategies: [cluster.capacityProviderStrategy(worker.device)],
      vpcSubnets: cluster.subnets,
      securityGroups: [loadBalancer.taskGroup],
      assignPublicIp: false,
      // A second GPU may not be available, so a GPU task stops before its replacement starts. Jobs wait in the queue meanwhile.
      ...(worker.device === 'gpu'
        ? { minHealthyPercent: 0, maxHealthyPercent: 100 }
        : { minHealthyPercent: 100, maxHealthyPercent: 200 }),
      circuitBreaker: { enable: true, rollback: true },
      enableExecuteCommand: false,
      // The budget filters costs by the tags of the service.
      propagateTags: PropagatedTagSource.SERVICE,
      enableECSManagedTags: true,
    });
    this.service.node.addDependency(cluster.providers);
    this.openJobs = openJobs(queue);
    scaleByJobs(this.service, this.openJobs, environment);
    const canScaleToZero = Math.min(worker.min, idle?.worker ?? worker.min) === 0;
    if (canScaleToZero) keepQueueMetrics(new Construct(this, 'Awake'), queue);
  }
}
