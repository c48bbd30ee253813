import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../functions/platform/config.ts';
import { cpus } from '../../functions/platform/cpus.ts';

describe('settings', () => {
  test('have defaults that need no cloud', () => {
    expect(readConfig({})).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      models: 'models',
      family: 'chest14',
      device: 'cpu',
      role: 'all',
      maxUploadBytes: 256_000_000,
      bufferBytes: 512_000_000,
      retentionDays: 30,
      memoryBytes: undefined,
      pacs: undefined,
      platform: { kind: 'embedded', folder: '.alara', keyFile: undefined },
    });
  });

  test('parse memory in megabytes', () => {
    expect(readConfig({ ALARA_MEMORY_MB: '1500' }).memoryBytes).toBe(1_500_000_000);
  });

  test('require keys on every address that others can reach, and on loopback if requested', () => {
    const asks = (environment: Record<string, string>) => readConfig(environment).authRequired;
    expect(asks({})).toBe(false);
    for (const HOST of ['127.0.0.1', '127.8.9.10', '::1', 'localhost']) {
      expect(asks({ HOST }), HOST).toBe(false);
      expect(asks({ HOST, ALARA_AUTH: 'required' }), HOST).toBe(true);
    }
    for (const HOST of ['0.0.0.0', '::', '192.0.2.1', '128.0.0.1', '2001:db8::1', 'alara.example', '127.0.0.1.example'])
      expect(asks({ HOST }), HOST).toBe(true);
  });

  test.each([
    ['PORT', '80a'],
    ['PORT', '70000'],
    ['PORT', '1.5'],
    ['HOST', ''],
    ['ALARA_DEVICE', 'gpu'],
    ['ALARA_MODELS', 's3://'],
    ['ALARA_PLATFORM', 'gcp'],
    ['ALARA_TABLE', 'alara'],
    ['ALARA_QUEUE_URL', 'https://sqs.example/queue'],
    ['ALARA_UPLOADS_BUCKET', 'alara-uploads'],
    ['ALARA_KEY', Buffer.alloc(32).toString('base64')],
    ['ALARA_WORKERS', '0'],
    ['ALARA_DEADLINE_MS', '5'],
    ['ALARA_MEMORY_MB', '20'],
    ['ALARA_LOG', 'loud'],
    ['ALARA_AUTH', 'off'],
    ['ALARA_ROLE', 'boss'],
    ['ALARA_KEY_FILE', ''],
    ['ALARA_PACS', ''],
    ['ALARA_MAX_UPLOAD_MB', '0'],
    ['ALARA_BUFFER_MB', '8'],
    ['ALARA_RETENTION_DAYS', 'never'],
    ['ALARA_FAMLY', 'chest14'],
  ])('%s=%s is refused by name', (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(ConfigError);
    expect(() => readConfig({ [name]: value })).toThrow(name);
  });

  const onAws = {
    ALARA_PLATFORM: 'aws',
    ALARA_TABLE: 'alara',
    ALARA_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/123456789012/alara',
    ALARA_UPLOADS_BUCKET: 'alara-uploads',
    ALARA_KEY: Buffer.alloc(32, 7).toString('base64'),
    AWS_REGION: 'eu-central-1',
  };

  test('of AWS are one object', () => {
    const role = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/a', AWS_ACCESS_KEY_ID: 'not looked at' };
    expect(readConfig({ ...onAws, ...role }).platform).toEqual({
      kind: 'aws',
      awsEnvironment: { region: 'eu-central-1', endpoints: {}, role: { relativeUri: '/v2/credentials/a' } },
      table: 'alara',
      queueUrl: onAws.ALARA_QUEUE_URL,
      bucket: 'alara-uploads',
      key: new Uint8Array(32).fill(7),
    });
  });

  test('of AWS are all required', () => {
    for (const name of Object.keys(onAws).filter((name) => name !== 'ALARA_PLATFORM'))
      expect(() => readConfig({ ...onAws, [name]: undefined }), name).toThrow(`${name}: is needed`);
    expect(() => readConfig({ ...onAws, ALARA_KEY_FILE: 'key' })).toThrow('ALARA_KEY_FILE: is used with');
  });

  test('never show the key in an error', () => {
    for (const ALARA_KEY of ['c2VjcmV0', 'c2VjcmV0!', Buffer.alloc(33, 9).toString('base64')]) {
      const refused = () => readConfig({ ...onAws, ALARA_KEY });
      expect(refused).toThrow('expected 32 bytes in Base64');
      expect(refused).not.toThrow(ALARA_KEY);
    }
  });

  test('reject an unusable queue: FIFO queues have no delay per message', () => {
    const fifo = { ...onAws, ALARA_QUEUE_URL: `${onAws.ALARA_QUEUE_URL}.fifo` };
    expect(() => readConfig(fifo)).toThrow(/^ALARA_QUEUE_URL=.*alara\.fifo: expected the URL of a standard queue/);
  });

  test('that are wrong are all named in one error', () => {
    expect(() => readConfig({ PORT: 'x', ALARA_DEVICE: 'y', ALARA_Z: '' })).toThrow(/ALARA_Z.*PORT=x.*ALARA_DEVICE=y/s);
  });

  test('ignore other variables of the environment', () => {
    expect(readConfig({ PATH: '/bin', HOME: '/', PORT: '0' }).port).toBe(0);
  });
});

describe('processors', () => {
  const files = (contents: Record<string, string>) => (path: string) => contents[path];

  test('are limited by the cgroup, v2 or v1', () => {
    expect(cpus(files({ '/sys/fs/cgroup/cpu.max': '100000 100000\n' }))).toBe(1);
    expect(
      cpus(
        files({
          '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '150000\n',
          '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        }),
      ),
    ).toBe(1);
  });

  test('are at least one, and at most the number of the machine', () => {
    expect(cpus(files({ '/sys/fs/cgroup/cpu.max': '20000 100000' }))).toBe(1);
    const all = cpus(files({}));
    expect(all).toBeGreaterThanOrEqual(1);
    expect(cpus(files({ '/sys/fs/cgroup/cpu.max': 'max 100000' }))).toBe(all);
    expect(cpus(files({ '/sys/fs/cgroup/cpu.max': '6400000 100000' }))).toBe(all);
    expect(
      cpus(files({ '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000' })),
    ).toBe(all);
  });
});
