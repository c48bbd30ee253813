import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openDynamo, openS3, openSqs } from '../../../functions/platform/aws/client.ts';
import { readAwsEnvironment } from '../../../functions/platform/aws/environment.ts';
import { ConfigError } from '../../../functions/platform/config.ts';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { openProxy } from '../../support/proxy.ts';

/** All default sources of credentials of the SDK, each with wrong credentials. */
const elsewhere = {
  AWS_ACCESS_KEY_ID: 'FROMENVIRONMENT',
  AWS_SECRET_ACCESS_KEY: 'from-environment',
  AWS_SESSION_TOKEN: 'from-environment',
  AWS_PROFILE: 'elsewhere',
  AWS_WEB_IDENTITY_TOKEN_FILE: '/nowhere',
  AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/elsewhere',
};
const file = '[elsewhere]\naws_access_key_id = FROMFILE\naws_secret_access_key = from-file\n';

describe.skipIf(!hasAws)('credentials (npm run pretest installs SeaweedFS)', () => {
  let aws: Aws;
  let home: string;
  beforeAll(async () => {
    aws = await startAws();
    home = mkdtempSync(join(tmpdir(), 'alara-home-'));
    mkdirSync(join(home, '.aws'));
    writeFileSync(join(home, '.aws', 'credentials'), file);
    writeFileSync(join(home, '.aws', 'config'), file.replace('[elsewhere]', '[profile elsewhere]\nregion = us-west-1'));
  });
  afterEach(() => vi.unstubAllEnvs());
  afterAll(async () => {
    rmSync(home, { recursive: true });
    await aws?.close();
  });

  test('come from the task role, whatever the environment and the files contain', async () => {
    vi.stubEnv('HOME', home);
    for (const [name, value] of Object.entries({ ...elsewhere, ...aws.environment })) vi.stubEnv(name, value);
    const asked = aws.credentials.requestCount();
    // SeaweedFS accepts only signatures of the role.
    const s3 = openS3();
    expect((await s3.send(new ListBucketsCommand())).Buckets?.map(({ Name }) => Name)).toContain(aws.bucket);
    expect(aws.credentials.requestCount()).toBe(asked + 1);
    s3.destroy();
    // The other clients do not use the credentials that moto would accept, either.
    const dynamoAt = await openProxy(aws.environment['AWS_ENDPOINT_URL_DYNAMODB'] ?? '', () => 'forward');
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', dynamoAt.url);
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', dynamoAt.url);
    const [dynamo, sqs] = [openDynamo(), openSqs()];
    await dynamo.send(new ListTablesCommand());
    await sqs.send(new ListQueuesCommand());
    // On a busy machine a client repeats a request, so each client sends at least one.
    const targets = dynamoAt.all.map(({ headers }) => String(headers['x-amz-target']));
    expect(new Set(targets)).toEqual(new Set(['DynamoDB_20120810.ListTables', 'AmazonSQS.ListQueues']));
    for (const { headers } of dynamoAt.all) {
      expect(headers.authorization).toContain('Credential=TASKROLEONE/');
      expect(headers.authorization).toContain('/eu-central-1/');
      expect(headers['x-amz-security-token'] ?? '').not.toContain('environment');
    }
    dynamo.destroy();
    sqs.destroy();
  });

  test('have no other source: without a role, no client is created', () => {
    vi.stubEnv('HOME', home);
    for (const [name, value] of Object.entries(elsewhere)) vi.stubEnv(name, value);
    const awsEnvironment = readAwsEnvironment({ ...elsewhere, AWS_REGION: 'eu-central-1' });
    for (const open of [openS3, openSqs, openDynamo]) {
      expect(() => open(awsEnvironment)).toThrow(ConfigError);
      expect(() => open(awsEnvironment)).toThrow('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI');
      expect(() => open(readAwsEnvironment({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/x' }))).toThrow('AWS_REGION');
    }
  });

  test('of a role are requested from the address of ECS if the variable has only a path', () => {
    const path = '/v2/credentials/00000000-0000-0000-0000-000000000000';
    const environment = {
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: path,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://x',
    };
    expect(readAwsEnvironment(environment).role).toEqual({ relativeUri: path });
  });

  test('are renewed before they expire, without a lost request', async () => {
    const s3 = openS3(readAwsEnvironment(aws.environment));
    // The SDK renews credentials that are valid for less than five minutes.
    aws.credentials.set('TASKROLEONE', 240_000);
    await s3.send(new ListBucketsCommand());
    aws.credentials.set('TASKROLETWO', 6 * 3_600_000);
    await vi.waitFor(async () => {
      await s3.send(new ListBucketsCommand());
      expect((await s3.config.credentials()).accessKeyId).toBe('TASKROLETWO');
    });
    const asked = aws.credentials.requestCount();
    await s3.send(new ListBucketsCommand());
    expect(aws.credentials.requestCount()).toBe(asked);
    s3.destroy();
  });
});
