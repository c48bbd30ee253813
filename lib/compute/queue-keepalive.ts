import { Duration } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { Universal } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export type AwakeQueueProps = { readonly queue: Queue };

/**
 * Touches a queue every hour. SQS stops its metrics six hours after the last call and takes up to 15 minutes to start them
 * again (Amazon SQS Developer Guide, Monitoring): so long would the first job of a day wait for a worker.
 */
export class AwakeQueue extends Construct {
  constructor(scope: Construct, id: string, { queue }: AwakeQueueProps) {
    super(scope, id);
    new Schedule(this, 'Look', {
      description: 'Keeps the metrics of the queue of jobs going while no worker asks for jobs',
      schedule: ScheduleExpression.rate(Duration.hours(1)),
      target: new Universal({
        service: 'sqs',
        // The scheduler takes no action that only reads. The same tag again changes nothing.
        action: 'tagQueue',
        policyStatements: [new PolicyStatement({ actions: ['sqs:TagQueue'], resources: [queue.queueArn] })],
        maxEventAge: Duration.minutes(5),
        retryAttempts: 1,
        input: ScheduleTargetInput.fromObject({ QueueUrl: queue.queueUrl, Tags: { 'alara:awake': 'hourly' } }),
      }),
    });
  }
}
