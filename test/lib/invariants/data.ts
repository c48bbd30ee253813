import { expect, test } from 'vitest';
import { ofType, type Synthesized } from '../synthesize.ts';

const kept = [
  ...['AWS::S3::Bucket', 'AWS::KMS::Key', 'AWS::DynamoDB::Table', 'AWS::SQS::Queue', 'AWS::SecretsManager::Secret'],
  'AWS::Logs::LogGroup',
];

export function dataInvariants({ environment, data, service, terminationProtection }: Synthesized): void {
  test('no bucket is public', () => {
    const buckets = [...ofType(data, 'AWS::S3::Bucket'), ...ofType(service, 'AWS::S3::Bucket')];
    expect(buckets).toHaveLength(3);
    for (const [, { Properties }] of buckets)
      expect(Properties).toMatchObject({
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      });
  });

  test('everything is encrypted with keys that rotate, the delivery of logs with that of S3', () => {
    for (const [id, { Properties }] of ofType(data, 'AWS::S3::Bucket')) {
      const SSEAlgorithm = id.includes('Audit') ? 'AES256' : 'aws:kms';
      expect(Properties['BucketEncryption']).toMatchObject({
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm } }],
      });
    }
    for (const [, key] of ofType(data, 'AWS::KMS::Key'))
      expect(key.Properties).toMatchObject({ EnableKeyRotation: true });
    for (const [, queue] of ofType(data, 'AWS::SQS::Queue')) expect(queue.Properties).toHaveProperty('KmsMasterKeyId');
    for (const [, secret] of ofType(data, 'AWS::SecretsManager::Secret'))
      expect(secret.Properties).toHaveProperty('KmsKeyId');
    for (const [, table] of ofType(data, 'AWS::DynamoDB::Table'))
      expect(table.Properties).toMatchObject({ SSESpecification: { SSEEnabled: true, SSEType: 'KMS' } });
  });

  test('buckets and queues answer over TLS alone', () => {
    const denied = (type: string) =>
      ofType(data, type).filter(([, { Properties }]) =>
        JSON.stringify(Properties).includes('"aws:SecureTransport":"false"'),
      );
    expect(denied('AWS::S3::BucketPolicy')).toHaveLength(3);
    expect(denied('AWS::SQS::QueuePolicy')).toHaveLength(2);
  });

  test('the table is as the service lays it out', () => {
    const [[, table] = []] = ofType(data, 'AWS::DynamoDB::Table');
    expect(table?.Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
      GlobalSecondaryIndexes: [
        {
          IndexName: 'jobs',
          KeySchema: [
            { AttributeName: 'gpk', KeyType: 'HASH' },
            { AttributeName: 'gsk', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    });
  });

  test('a job that nobody finishes ends among the dead', () => {
    const queue = ofType(data, 'AWS::SQS::Queue').find(([, { Properties }]) => 'RedrivePolicy' in Properties);
    expect(queue?.[1].Properties).toMatchObject({ RedrivePolicy: { maxReceiveCount: 20 }, VisibilityTimeout: 60 });
  });

  test(environment.keepData ? 'what is kept outlives its stack' : 'nothing that costs money outlives its stack', () => {
    for (const type of kept) {
      const found = ofType(data, type);
      expect(found.length).toBeGreaterThan(0);
      const policy = environment.keepData ? expect.stringMatching(/^Retain/) : 'Delete';
      for (const [, resource] of found)
        expect(resource).toMatchObject({
          DeletionPolicy: policy,
          UpdateReplacePolicy: environment.keepData ? 'Retain' : 'Delete',
        });
    }
    const emptied = ofType(data, 'Custom::S3AutoDeleteObjects');
    expect(emptied).toHaveLength(environment.keepData ? 0 : 3);
    expect(ofType(data, 'AWS::Backup::BackupPlan')).toHaveLength(environment.keepData ? 1 : 0);
    expect(terminationProtection.data).toBe(environment.keepData);
  });

  test('a first deployment that fails can be taken back, and the next finds no name taken', () => {
    const retained = Object.values(data).filter(({ DeletionPolicy = 'Delete' }) => DeletionPolicy !== 'Delete');
    const named = ['LogGroupName', 'BackupVaultName', 'AliasName', 'QueueName', 'BucketName', 'TableName'];
    for (const { Type, Properties, DeletionPolicy } of retained) {
      if (named.some((name) => name in Properties) || ['AWS::SecretsManager::Secret', 'AWS::KMS::Key'].includes(Type))
        expect([Type, DeletionPolicy]).toEqual([Type, 'RetainExceptOnCreate']);
      // What is locked cannot be taken back: it is left, without a name that anything else would want.
      const { DeletionProtectionEnabled: table, DeletionProtection: pool } = Properties;
      if (table === true || pool === 'ACTIVE') expect([Type, DeletionPolicy]).toEqual([Type, 'Retain']);
    }
    expect(retained.length > 0).toBe(environment.keepData);
    const [[, alb] = []] = ofType(service, 'AWS::ElasticLoadBalancingV2::LoadBalancer');
    expect(alb?.Properties['LoadBalancerAttributes']).toContainEqual({
      Key: 'deletion_protection.enabled',
      Value: 'false',
    });
  });

  test('what may be destroyed keeps nothing', () => {
    for (const type of kept) expect(ofType(service, type)).toEqual([]);
    const retained = Object.values(service).filter(({ DeletionPolicy = 'Delete' }) => DeletionPolicy !== 'Delete');
    // By what API Gateway writes logs in this account, for every environment of it.
    expect(retained.map(({ Type }) => Type).sort()).toEqual(['AWS::ApiGateway::Account', 'AWS::IAM::Role']);
    expect(terminationProtection.service).toBe(environment.name === 'prod');
  });

  test('every log is kept as long as the environment says, under a key', () => {
    for (const [, { Properties }] of ofType(data, 'AWS::Logs::LogGroup'))
      expect(Properties).toMatchObject({ RetentionInDays: environment.logDays, KmsKeyId: expect.anything() });
  });

  test('the key of the logs is for the logs of this account, and lets CloudWatch Logs do what it documents', () => {
    const [[, key] = []] = ofType(data, 'AWS::KMS::Key').filter(([id]) => id.startsWith('Logs'));
    const { Statement = [] } = Object(key?.Properties['KeyPolicy']) as { Statement?: Record<string, unknown>[] };
    const forLogs = Statement.filter(({ Principal }) => JSON.stringify(Principal).includes('"logs.'));
    expect(forLogs).toHaveLength(2);
    expect(forLogs).toContainEqual(expect.objectContaining({ Action: 'kms:DescribeKey' }));
    const [about] = forLogs.filter(({ Condition }) => Condition);
    expect(about?.['Action']).toEqual([
      ...['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:GenerateDataKeyWithoutPlaintext'],
      ...['kms:ReEncryptFrom', 'kms:ReEncryptTo'],
    ]);
    const context = Object.values(Object(about?.['Condition'])['ArnLike'])[0];
    expect(JSON.stringify(context)).toContain(`:logs:${environment.region}:`);
    expect(JSON.stringify(context)).toContain('{"Ref":"AWS::AccountId"}');
  });
}
