import { Duration } from 'aws-cdk-lib';
import { AdjustmentType, type StepScalingPolicy } from 'aws-cdk-lib/aws-applicationautoscaling';
import { type CfnAlarm, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { FargateService, PropagatedTagSource, type ScalableTaskCount, type TaskDefinition } from 'aws-cdk-lib/aws-ecs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Environment } from '../environments.ts';
import type { Cluster } from './cluster.ts';
import type { Balancer } from './load-balancer.ts';
import { AwakeQueue } from './queue-keepalive.ts';
import { rest } from './schedule.ts';

export type WorkerServiceProps = {
  readonly environment: Environment;
  readonly balancer: Balancer;
  readonly cluster: Cluster;
  readonly task: TaskDefinition;
  readonly queue: Queue;
};

/** What works on jobs: as many tasks as there is work for, none where there is none and none is kept. */
export class WorkerService extends Construct {
  readonly service: FargateService;
  /** Jobs that wait or are worked on. */
  readonly work: MathExpression;

  constructor(scope: Construct, id: string, { environment, balancer, cluster, task, queue }: WorkerServiceProps) {
    super(scope, id);
    const { worker, idle, name } = environment;
    this.service = new FargateService(this, 'Service', {
      serviceName: `alara-${name}-worker`,
      cluster: cluster.ecs,
      taskDefinition: task,
      capacityProviderStrategies: [cluster.strategy(worker.device)],
      vpcSubnets: cluster.subnets,
      securityGroups: [balancer.tasks],
      assignPublicIp: false,
      // No traffic to move. A second GPU may not be had: there the old task ends first, and its jobs wait.
      ...(worker.device === 'gpu'
        ? { minHealthyPercent: 0, maxHealthyPercent: 100 }
        : { minHealthyPercent: 100, maxHealthyPercent: 200 }),
      circuitBreaker: { enable: true, rollback: true },
      enableExecuteCommand: false,
      // The budget counts what its tasks cost by this tag.
      propagateTags: PropagatedTagSource.SERVICE,
      enableECSManagedTags: true,
    });
    this.service.node.addDependency(cluster.providers);
    const period = Duration.minutes(1);
    this.work = new MathExpression({
      // What is worked on counts as well: by waiting jobs alone, scaling in would end the tasks that are busy.
      // Both come together as long as the queue is awake. Filled with 0 where one is late, the sum would be 0 at its newest
      // point, and an alarm of one period would never leave it (CloudWatch User Guide, Using metric math: FILL).
      expression: 'waiting + inFlight',
      usingMetrics: {
        waiting: queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
        inFlight: queue.metricApproximateNumberOfMessagesNotVisible({ period, statistic: 'Maximum' }),
      },
      period,
      label: 'Jobs waiting and in flight',
    });
    const tasks = this.service.autoScaleTaskCount({ minCapacity: worker.min, maxCapacity: worker.max });
    tasks.scaleOnMetric('Work', {
      metric: this.work,
      adjustmentType: AdjustmentType.EXACT_CAPACITY,
      // Jobs are whole: bounds between two of them leave nothing open.
      scalingSteps: [
        { upper: 0.5, change: 0 },
        ...Array.from({ length: worker.max }, (_, more) => ({
          lower: more * worker.jobsPerTask + 0.5,
          change: more + 1,
        })),
      ],
      // Out at once; in again only after so long.
      cooldown: Duration.minutes(worker.lingerMinutes),
    });
    this.calm(tasks);
    rest(tasks, idle, idle?.worker ?? worker.min, worker.min);
    if (Math.min(worker.min, idle?.worker ?? worker.min) === 0) new AwakeQueue(this, 'Awake', { queue });
  }

  /** One look at no jobs ends no worker: SQS counts approximately. */
  private calm(tasks: ScalableTaskCount): void {
    const { lowerAlarm } = tasks.node.findChild('Target').node.findChild('Work') as StepScalingPolicy;
    if (lowerAlarm === undefined) throw new Error('steps that go to zero have an alarm for it');
    (lowerAlarm.node.defaultChild as CfnAlarm).evaluationPeriods = 3;
  }
}
