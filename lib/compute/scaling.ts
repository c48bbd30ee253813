import { Duration, TimeZone } from 'aws-cdk-lib';
import { AdjustmentType, Schedule, type StepScalingPolicy } from 'aws-cdk-lib/aws-applicationautoscaling';
import { type CfnAlarm, type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { FargateService, ScalableTaskCount } from 'aws-cdk-lib/aws-ecs';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Schedule as EventSchedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { Universal } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Capacity, Environment, IdleHours } from '../environments.ts';

/** Scale an API service by its CPU utilization. */
export function scaleByCpu(service: FargateService, { min, max }: Capacity, idle: IdleHours | undefined): void {
  const tasks = service.autoScaleTaskCount({ minCapacity: min, maxCapacity: max });
  tasks.scaleOnCpuUtilization('Cpu', {
    targetUtilizationPercent: 60,
    scaleOutCooldown: Duration.minutes(1),
    scaleInCooldown: Duration.minutes(5),
  });
  scheduleIdleHours(tasks, idle, idle?.api ?? min, min);
}

/** The number of open jobs: waiting and in flight. */
export function openJobs(queue: Queue): MathExpression {
  const period = Duration.minutes(1);
  return new MathExpression({
    // Jobs in flight count too. With waiting jobs alone, scaling in would stop the busy tasks.
    // Do not use FILL here. It would replace a late metric by 0, so the newest data point would be 0, and an alarm with
    // one evaluation period would never change its state (CloudWatch User Guide, Using metric math).
    expression: 'waiting + inFlight',
    usingMetrics: {
      waiting: queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
      inFlight: queue.metricApproximateNumberOfMessagesNotVisible({ period, statistic: 'Maximum' }),
    },
    period,
    label: 'Jobs waiting and in flight',
  });
}

/** Scale the worker service to ceil(jobs / jobsPerTask) tasks. */
export function scaleByJobs(service: FargateService, jobs: IMetric, { worker, idle }: Environment): void {
  const tasks = service.autoScaleTaskCount({ minCapacity: worker.min, maxCapacity: worker.max });
  tasks.scaleOnMetric('Work', {
    metric: jobs,
    adjustmentType: AdjustmentType.EXACT_CAPACITY,
    // The number of jobs is an integer, so bounds at half integers leave no gap.
    scalingSteps: [
      { upper: 0.5, change: 0 },
      ...Array.from({ length: worker.max }, (_, step) => ({
        lower: step * worker.jobsPerTask + 0.5,
        change: step + 1,
      })),
    ],
    // Scaling out is immediate. Scaling in waits for this cooldown.
    cooldown: Duration.minutes(worker.lingerMinutes),
  });
  requireThreeEmptyPeriods(tasks);
  scheduleIdleHours(tasks, idle, idle?.worker ?? worker.min, worker.min);
}

/** Scale in only after three periods without jobs, because SQS counts messages approximately. */
function requireThreeEmptyPeriods(tasks: ScalableTaskCount): void {
  const { lowerAlarm } = tasks.node.findChild('Target').node.findChild('Work') as StepScalingPolicy;
  if (lowerAlarm === undefined) throw new Error('The scaling steps to zero have no alarm.');
  (lowerAlarm.node.defaultChild as CfnAlarm).evaluationPeriods = 3;
}

/** Reduce the minimum number of tasks in idle hours. New work still starts more tasks. */
function scheduleIdleHours(
  tasks: ScalableTaskCount,
  idle: IdleHours | undefined,
  idleMin: number,
  busyMin: number,
): void {
  if (idle === undefined) return;
  const at = (hour: number) => ({
    schedule: Schedule.cron({ hour: String(hour), minute: '0' }),
    timeZone: TimeZone.of(idle.timeZone),
  });
  tasks.scaleOnSchedule('Idle', { ...at(idle.from), minCapacity: Math.min(idleMin, busyMin) });
  tasks.scaleOnSchedule('Busy', { ...at(idle.to), minCapacity: busyMin });
}

/**
 * Call the queue every hour, so that SQS keeps publishing its metrics. SQS stops the metrics of a queue after six hours
 * without a call and needs up to 15 minutes to resume (Amazon SQS Developer Guide, Monitoring). The first job of a day would
 * wait that long for a worker.
 */
export function keepQueueMetrics(scope: Construct, queue: Queue): void {
  new EventSchedule(scope, 'Look', {
    description: 'Keeps the metrics of the job queue active while no worker polls it',
    schedule: ScheduleExpression.rate(Duration.hours(1)),
    target: new Universal({
      service: 'sqs',
      // EventBridge Scheduler supports no read-only actions. Setting the same tag again changes nothing.
      action: 'tagQueue',
      policyStatements: [new PolicyStatement({ actions: ['sqs:TagQueue'], resources: [queue.queueArn] })],
      maxEventAge: Duration.minutes(5),
      retryAttempts: 1,
      input: ScheduleTargetInput.fromObject({ QueueUrl: queue.queueUrl, Tags: { 'alara:awake': 'hourly' } }),
    }),
  });
}
