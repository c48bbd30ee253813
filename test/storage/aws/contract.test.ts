import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe } from 'vitest';
import { openDynamo, openS3, openSqs } from '../../../functions/platform/aws/client.ts';
import { readAwsEnvironment } from '../../../functions/platform/aws/environment.ts';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { openAwsPlatform } from '../../support/aws-platform.ts';
import { platformContract } from '../../support/storage-contract.ts';

describe.skipIf(!hasAws)('SeaweedFS and moto (npm run pretest)', () => {
  let aws: Aws;
  beforeAll(async () => {
    aws = await startAws();
  });
  afterAll(() => aws?.close());

  platformContract('the platform on AWS', async () => {
    const { platform, another, environment } = await openAwsPlatform(aws);
    return { platform, another, atRest: () => everything(environment), tickMs: 1100 };
  });
});

/** All items, messages and objects, with all their attributes. */
async function everything(environment: Record<string, string>): Promise<Buffer> {
  const awsEnvironment = readAwsEnvironment(environment);
  const [dynamo, sqs, s3] = [openDynamo(awsEnvironment), openSqs(awsEnvironment), openS3(awsEnvironment)];
  const { ALARA_TABLE: TableName, ALARA_QUEUE_URL: QueueUrl, ALARA_UPLOADS_BUCKET: Bucket } = environment;
  const kept: (string | Uint8Array)[] = [];
  const { Items = [] } = await dynamo.send(new ScanCommand({ TableName }));
  for (const value of Items.flatMap((item) => Object.values(item))) kept.push(value.B ?? JSON.stringify(value));
  const all = { MessageAttributeNames: ['All'], MaxNumberOfMessages: 10 };
  kept.push(JSON.stringify(await sqs.send(new ReceiveMessageCommand({ QueueUrl, ...all }))));
  for (const { Key } of (await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []) {
    const { Body, Metadata } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    kept.push(`${Key} ${JSON.stringify(Metadata)}`, (await Body?.transformToByteArray()) ?? '');
  }
  for (const client of [dynamo, sqs, s3]) client.destroy();
  return Buffer.concat(kept.map((part) => Buffer.from(part as string)));
}
