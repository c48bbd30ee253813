import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';

// The grant methods of aws-cdk-lib buckets use wildcards (s3:GetObject*, s3:Abort*). These functions name each action.

/** Read published models. */
export function grantModels(bucket: IBucket, key: IKey, grantee: IGrantable): void {
  grantObjects(bucket, grantee, 's3:GetObject');
  key.grant(grantee, 'kms:Decrypt');
}

/** Store, read and delete films. */
export function grantUploads(bucket: IBucket, key: IKey, grantee: IGrantable): void {
  grantObjects(bucket, grantee, 's3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload');
  key.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey');
}

/** Read training films from a bucket outside these stacks. */
export const grantFilms = (bucket: IBucket, grantee: IGrantable): void => grantObjects(bucket, grantee, 's3:GetObject');

/** Publish models and move the release pointer, without the right to delete. */
export function grantPublish(bucket: IBucket, key: IKey, grantee: IGrantable): void {
  grantObjects(bucket, grantee, 's3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload');
  key.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey');
}

/** Read, write and query items of the table and its index. No scan, and no change of the table itself. */
export function grantItems(table: ITable, index: string, key: IKey, grantee: IGrantable): void {
  const actions = ['GetItem', 'PutItem', 'DeleteItem', 'Query'];
  Grant.addToPrincipal({
    grantee,
    actions: actions.map((action) => `dynamodb:${action}`),
    resourceArns: [table.tableArn, `${table.tableArn}/index/${index}`],
  });
  key.grant(grantee, 'kms:Decrypt');
}

/** Send jobs to the queue and read its length. */
export const grantSend = (queue: IQueue, grantee: IGrantable): Grant =>
  queue.grant(grantee, 'sqs:SendMessage', 'sqs:GetQueueAttributes');

/** Receive, postpone and delete jobs, and send follow-up jobs. */
export const grantWork = (queue: IQueue, grantee: IGrantable): Grant =>
  queue.grant(
    grantee,
    'sqs:SendMessage',
    'sqs:ReceiveMessage',
    'sqs:DeleteMessage',
    'sqs:ChangeMessageVisibility',
    'sqs:GetQueueAttributes',
  );

function grantObjects(bucket: IBucket, grantee: IGrantable, ...actions: string[]): void {
  // With ListBucket, S3 answers 404 for a missing object instead of 403.
  Grant.addToPrincipal({ grantee, actions: ['s3:ListBucket'], resourceArns: [bucket.bucketArn] });
  Grant.addToPrincipal({ grantee, actions, resourceArns: [bucket.arnForObjects('*')] });
}
