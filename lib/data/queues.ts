import { Duration } from 'aws-cdk-lib';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { removalPolicyFor } from './removal-policy.ts';

export type JobQueuesProps = { readonly keep: boolean; readonly key: Key };

/** The queue of job ids and its dead-letter queue. */
export class JobQueues extends Construct {
  readonly jobs: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { keep, key }: JobQueuesProps) {
    super(scope, id);
    const common = {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: key,
      dataKeyReuse: Duration.hours(1),
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: removalPolicyFor(keep),
    };
    this.deadLetters = new Queue(this, 'Dead', common);
    this.jobs = new Queue(this, 'Queue', {
      ...common,
      // A running worker extends this timeout. A message of a worker that died becomes visible again after it.
      visibilityTimeout: Duration.seconds(60),
      receiveMessageWaitTime: Duration.seconds(5),
      // The service marks a failing job as dead after fewer deliveries, with the reason. SQS catches only what kills the worker.
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: 20 },
    });
  }
}
