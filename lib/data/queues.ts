import { Duration } from 'aws-cdk-lib';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { removal } from './removal-policy.ts';

export type JobsProps = { readonly keep: boolean; readonly key: Key };

/** The queue of job ids, and where those end that nobody could finish. */
export class Jobs extends Construct {
  readonly queue: Queue;
  readonly dead: Queue;

  constructor(scope: Construct, id: string, { keep, key }: JobsProps) {
    super(scope, id);
    const common = {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: key,
      dataKeyReuse: Duration.hours(1),
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: removal(keep),
    };
    this.dead = new Queue(this, 'Dead', common);
    this.queue = new Queue(this, 'Queue', {
      ...common,
      // As long as a worker that says nothing keeps a job; it asks for more while it works.
      visibilityTimeout: Duration.seconds(60),
      receiveMessageWaitTime: Duration.seconds(5),
      // The last net: the service gives a job up before, with its reason.
      deadLetterQueue: { queue: this.dead, maxReceiveCount: 20 },
    });
  }
}
