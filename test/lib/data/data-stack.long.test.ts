import { DescribeTableCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { GetBucketEncryptionCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../../functions/platform/config.ts';
import { openPlatform } from '../../../functions/storage/open-storage.ts';
import type { Platform } from '../../../functions/storage/platform.ts';
import { environmentNamed } from '../../../lib/environments.ts';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { platformContract } from '../../support/storage-contract.ts';
import { type Resource, synthesize } from '../synthesize.ts';
import { cloudFormation } from './cloudformation.ts';

/** Deploys the synthesized data stack of prod to the CloudFormation of moto, and runs the service's storage on the result. */
describe.skipIf(!hasAws)('the data stack, deployed to moto (npm run pretest)', () => {
  const { data: resources, template, environment } = synthesize(environmentNamed('prod'));
  let aws: Aws;
  let operator: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
    forcePathStyle: boolean;
  };
  let formation: ReturnType<typeof cloudFormation>;
  let stacks = 0;

  beforeAll(async () => {
    aws = await startAws();
    const endpoint = aws.environment['AWS_ENDPOINT_URL_SQS'] ?? '';
    const credentials = { accessKeyId: 'OPERATOR', secretAccessKey: 'operator' };
    operator = { endpoint, region: environment.region, credentials, forcePathStyle: true };
    formation = cloudFormation(endpoint, environment.region);
    await formation.bootstrap();
  });
  afterAll(() => aws?.close());

  /** Deploy a new stack and find its resources by the logical ids of the template. */
  async function deployed() {
    const name = `Alara-prod-Data-${stacks++}`;
    // Explicit names must be unique, so each further stack gets the names of another environment.
    const body = forMoto(template.data).replaceAll(/\balara([/-])prod/g, `alara$1${name}`);
    expect(await formation.create(name, body)).toBe('CREATE_COMPLETE');
    const made = await formation.resources(name);
    const physical = (type: string, part: string): string => {
      const [id = ''] = Object.entries(resources).find(([key, { Type }]) => Type === type && key.includes(part)) ?? [];
      return made.get(id) ?? '';
    };
    return {
      made,
      models: physical('AWS::S3::Bucket', 'Models'),
      uploads: physical('AWS::S3::Bucket', 'Uploads'),
      table: physical('AWS::DynamoDB::Table', 'Table'),
      queueUrl: physical('AWS::SQS::Queue', 'JobsQueue'),
      deadUrl: physical('AWS::SQS::Queue', 'JobsDead'),
    };
  }

  const settings = ({ table, queueUrl, uploads }: Awaited<ReturnType<typeof deployed>>) => ({
    ...aws.environment,
    AWS_ENDPOINT_URL_S3: aws.environment['AWS_ENDPOINT_URL_SQS'] ?? '',
    ALARA_PLATFORM: 'aws',
    ALARA_TABLE: table,
    ALARA_QUEUE_URL: queueUrl,
    ALARA_UPLOADS_BUCKET: uploads,
    ALARA_KEY: Buffer.alloc(32, 7).toString('base64'),
  });

  test('the buckets, table and queues have the settings of the template', async () => {
    const stack = await deployed();
    const [s3, dynamo, sqs] = [new S3Client(operator), new DynamoDBClient(operator), new SQSClient(operator)];
    onTestFinished(() => {
      for (const client of [s3, dynamo, sqs]) client.destroy();
    });
    for (const Bucket of [stack.models, stack.uploads]) {
      const { ServerSideEncryptionConfiguration: rules } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
      expect(rules?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm).toBe('aws:kms');
    }
    const { Table } = await dynamo.send(new DescribeTableCommand({ TableName: stack.table }));
    expect(Table?.KeySchema?.map(({ AttributeName }) => AttributeName)).toEqual(['pk', 'sk']);
    expect(Table?.GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName)).toEqual(['jobs']);
    const all = { AttributeNames: ['All' as const] };
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: stack.queueUrl, ...all }));
    const dead = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: stack.deadUrl, ...all }));
    expect(JSON.parse(Attributes?.['RedrivePolicy'] ?? '{}')).toMatchObject({
      deadLetterTargetArn: dead.Attributes?.['QueueArn'],
    });
    expect(Attributes?.['VisibilityTimeout']).toBe('60');
  });

  platformContract('the storage on the deployed stack', async () => {
    const stack = await deployed();
    const environment = settings(stack);
    const another = async (): Promise<Platform> => {
      const platform = await openPlatform(readConfig(environment));
      onTestFinished(() => platform.close());
      return platform;
    };
    return { platform: await another(), another, atRest: () => atRest(stack), tickMs: 1100 };
  });

  /** All stored items, messages and objects. */
  async function atRest({ table, queueUrl, uploads: Bucket }: Awaited<ReturnType<typeof deployed>>): Promise<Buffer> {
    const [s3, dynamo, sqs] = [new S3Client(operator), new DynamoDBClient(operator), new SQSClient(operator)];
    const kept: Uint8Array[] = [];
    const keep = (value: unknown) =>
      kept.push(value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value)));
    const { Items = [] } = await dynamo.send(new ScanCommand({ TableName: table }));
    for (const value of Items.flatMap((item) => Object.values(item))) keep(value.B ?? value);
    keep(await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 })));
    for (const { Key } of (await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []) {
      const { Body, Metadata } = await s3.send(new GetObjectCommand({ Bucket, Key }));
      keep({ Key, Metadata });
      keep(await Body?.transformToByteArray());
    }
    for (const client of [s3, dynamo, sqs]) client.destroy();
    return Buffer.concat(kept);
  }
});

/** The template without what moto 5.2 cannot handle: tags of KMS keys, and exports of resource types that it does not create. */
function forMoto(text: string): string {
  const { Outputs: _, ...template } = JSON.parse(text) as { Outputs: object; Resources: Record<string, Resource> };
  const resources = Object.entries(template.Resources).map(([id, resource]) => {
    if (resource.Type !== 'AWS::KMS::Key') return [id, resource];
    const { Tags: _, ...Properties } = resource.Properties;
    return [id, { ...resource, Properties }];
  });
  return JSON.stringify({ ...template, Resources: Object.fromEntries(resources) });
}
