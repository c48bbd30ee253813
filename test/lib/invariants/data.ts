import { expect, test } from 'vitest';
import { ofType, type Synthesized } from '../synthesize.ts';

/** Resource types that hold data. */
const dataTypes = [
  'AWS::S3::Bucket',
  'AWS::KMS::Key',
  'AWS::DynamoDB::Table',
  'AWS::SQS::Queue',
  'AWS::SecretsManager::Secret',
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

  test('all data is encrypted with rotating keys, the log bucket with the key of S3', () => {
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

  test('buckets and queues require TLS', () => {
    const denied = (type: string) =>
      ofType(data, type).filter(([, { Properties }]) =>
        JSON.stringify(Properties).includes('"aws:SecureTransport":"false"'),
      );
    expect(denied('AWS::S3::BucketPolicy')).toHaveLength(3);
    expect(denied('AWS::SQS::QueuePolicy')).toHaveLength(2);
  });

  test('the table has the keys and indexes that the service uses', () => {
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

  test('a job that is never finished goes to the dead-letter queue', () => {
    const queue = ofType(data, 'AWS::SQS::Queue').find(([, { Properties }]) => 'RedrivePolicy' in Properties);
    expect(queue?.[1].Properties).toMatchObject({ RedrivePolicy: { maxReceiveCount: 20 }, VisibilityTimeout: 60 });
  });

  test(environment.keepData ? 'data outlives its stack' : 'nothing that costs money outlives its stack', () => {
    for (const type of dataTypes) {
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

  test('a failed first deployment can be rolled back, and leaves no name in use', () => {
    const retained = Object.values(data).filter(({ DeletionPolicy = 'Delete' }) => DeletionPolicy !== 'Delete');
    const named = ['LogGroupName', 'BackupVaultName', 'AliasName', 'QueueName', 'BucketName', 'TableName'];
    for (const { Type, Properties, DeletionPolicy } of retained) {
      if (named.some((name) => name in Properties) || ['AWS::SecretsManager::Secret', 'AWS::KMS::Key'].includes(Type))
        expect([Type, DeletionPolicy]).toEqual([Type, 'RetainExceptOnCreate']);
      // A resource with deletion protection cannot be rolled back. It stays, with a generated name that blocks nothing.
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

  test('the service stack holds no data', () => {
    for (const type of dataTypes) expect(ofType(service, type)).toEqual([]);
    const retained = Object.values(service).filter(({ DeletionPolicy = 'Delete' }) => DeletionPolicy !== 'Delete');
    // The role by which API Gateway writes access logs is shared by all environments of the account.
    expect(retained.map(({ Type }) => Type).sort()).toEqual(['AWS::ApiGateway::Account', 'AWS::IAM::Role']);
    expect(terminationProtection.service).toBe(environment.name === 'prod');
  });

  test('every log group has the retention of the environment and a key', () => {
    for (const [, { Properties }] of ofType(data, 'AWS::Logs::LogGroup'))
      expect(Properties).toMatchObject({ RetentionInDays: environment.logDays, KmsKeyId: expect.anything() });
  });

  test('CloudWatch Logs may use the log key only for log groups of this account, with the documented actions', () => {
    const [[, key] = []] = ofType(data, 'AWS::KMS::Key').filter(([id]) => id.startsWith('Logs'));
    const { Statement = [] } = Object(key?.Properties['KeyPolicy']) as { Statement?: Record<string, unknown>[] };
    const forLogs = Statement.filter(({ Principal }) => JSON.stringify(Principal).includes('"logs.'));
    expect(forLogs).toHaveLength(2);
    expect(forLogs).toContainEqual(expect.objectContaining({ Action: 'kms:DescribeKey' }));
    const [conditional] = forLogs.filter(({ Condition }) => Condition);
    expect(conditional?.['Action']).toEqual([
      'kms:Decrypt',
      'kms:Encrypt',
      'kms:GenerateDataKey',
      'kms:GenerateDataKeyWithoutPlaintext',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
    ]);
    const context = Object.values(Object(conditional?.['Condition'])['ArnLike'])[0];
    expect(JSON.stringify(context)).toContain(`:logs:${environment.region}:`);
    expect(JSON.stringify(context)).toContain('{"Ref":"AWS::AccountId"}');
  });
}
