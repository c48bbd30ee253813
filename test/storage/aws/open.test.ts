import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../../functions/platform/config.ts';
import { openPlatform } from '../../../functions/storage/open-storage.ts';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { openAwsPlatform } from '../../support/aws-platform.ts';

describe.skipIf(!hasAws)('opening AWS (npm run pretest installs SeaweedFS and moto)', () => {
  let aws: Aws;
  beforeAll(async () => {
    aws = await startAws();
  });
  afterAll(() => aws?.close());

  const refusal = async (environment: Record<string, string>) => {
    const error = await openPlatform(readConfig(environment)).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  };

  test('refuses a key that differs from the key of the table, and keeps the table unchanged', async () => {
    const { environment, platform, another } = await openAwsPlatform(aws);
    const { key } = await platform.access.createKey('clinic', ['readings']);
    const other = { ...environment, ALARA_KEY: randomBytes(32).toString('base64') };
    expect(await refusal(other)).toContain('ALARA_KEY is not the key');
    expect((await (await another()).access.check(key))?.tenant).toBe('clinic');
  });

  test('names a missing table and its endpoint', async () => {
    const { environment } = await openAwsPlatform(aws);
    const message = await refusal({ ...environment, ALARA_TABLE: 'alara-missing-table' });
    expect(message).toContain('ALARA_TABLE=alara-missing-table');
    expect(message).toContain('eu-central-1');
  });
});
