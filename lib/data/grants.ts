import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';

// The grants of aws-cdk-lib for buckets name actions by pattern (s3:GetObject*, s3:Abort*). These name each.

/** Read what is published. Listing makes a missing object a 404 and not a refusal. */
export function grantModels(bucket: IBucket, key: IKey, grantee: IGrantable): void {
  grantObjects(bucket, grantee, 's3:GetObject');
  key.grant(grantee, 'kms:Decrypt');
}

/** Keep films until they are read. */
export function grantUploads(bucket: IBucket, key: IKey, grantee: IGrantable): void {
  grantObjects(bucket, grantee, 's3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload');
  key.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey');
}

/** Read films to train on, from a bucket that is not ours. */
export const grantFilms = (bucket: IBucket, grantee: IGrantable): void => grantObjects(bucket, grantee, 's3:GetObject');

/** Publish models and move the pointer; never remove any. */
export function grantPublish(bucket: IBucket, key: IKey, grantee: IGrantable): void {
  grantObjects(bucket, grantee, 's3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload');
  key.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey');
}

/** Readings and jobs: whole items and the index of jobs; no scan, nothing about the table itself. */
export function grantItems(table: ITable, index: string, key: IKey, grantee: IGrantable): void {
  const actions = ['GetItem', 'PutItem', 'DeleteItem', 'Query'];
  Grant.addToPrincipal({
    grantee,
    actions: actions.map((action) => `dynamodb:${action}`),
    resourceArns: [table.tableArn, `${table.tableArn}/index/${index}`],
  });
  key.grant(grantee, 'kms:Decrypt');
}

/** Put jobs into the queue and see how many there are. */
export const grantSend = (queue: IQueue, grantee: IGrantable): Grant =>
  queue.grant(grantee, 'sqs:SendMessage', 'sqs:GetQueueAttributes');

/** Work on jobs, and put off those that must wait. */
export const grantWork = (queue: IQueue, grantee: IGrantable): Grant =>
  queue.grant(
    grantee,
    ...['sqs:SendMessage', 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'],
    'sqs:GetQueueAttributes',
  );

function grantObjects(bucket: IBucket, grantee: IGrantable, ...actions: string[]): void {
  Grant.addToPrincipal({ grantee, actions: ['s3:ListBucket'], resourceArns: [bucket.bucketArn] });
  Grant.addToPrincipal({ grantee, actions, resourceArns: [bucket.arnForObjects('*')] });
}
