import { join } from 'node:path';
import { z } from 'zod';
import { readSurroundings, type Surroundings } from './aws/environment.ts';
import { cpus } from './cpus.ts';
import { isLoopback } from './loopback.ts';
import { keyBytes } from './vault.ts';

/** Settings that cannot be used. Its message has a line a setting: what was wrong and what is taken. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

const whole = (low: number, high: number) =>
  z.coerce
    .number({ error: `expected a whole number from ${low} to ${high}` })
    .int(`expected a whole number from ${low} to ${high}`)
    .min(low, `expected at least ${low}`)
    .max(high, `expected at most ${high}`);

const defaults = z.object({
  PORT: whole(0, 65_535).default(8080),
  /** Loopback unless told otherwise; on any other address callers need keys. */
  HOST: z.string().min(1).default('127.0.0.1'),
  /** The folder that holds the families and `policies/`, or the store where families are published. */
  ALARA_MODELS: z
    .string()
    .min(1)
    .refine(
      (models) => !models.startsWith('s3:') || /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/.test(models),
      'expected s3://bucket/prefix',
    )
    .default('models'),
  /** Which of a store's channels is served. */
  ALARA_CHANNEL: z.enum(['live', 'canary'], 'expected live or canary').default('live'),
  /** Where models of a store are kept; models in ALARA_DATA by default. */
  ALARA_MODEL_CACHE: z.string().min(1).optional(),
  ALARA_MODEL_CACHE_MB: whole(64, 1_000_000).default(2048),
  /** How often a channel is looked at. */
  ALARA_POINTER_SECONDS: whole(1, 86_400).default(30),
  ALARA_FAMILY: z.string().min(1).default('chest14'),
  /** The policy used when a request names none; the family's own by default. */
  ALARA_POLICY: z.string().min(1).optional(),
  /** Whether callers need API keys: `auto` asks for them on every address but loopback. */
  ALARA_AUTH: z.enum(['auto', 'required'], 'expected auto or required').default('auto'),
  /** What this process does: answer HTTP, work on jobs, or both. */
  ALARA_ROLE: z.enum(['all', 'api', 'worker'], 'expected all, api or worker').default('all'),
  /** What keeps readings, jobs, films and keys: this machine, or DynamoDB, SQS and S3. */
  ALARA_PLATFORM: z.enum(['embedded', 'aws'], 'expected embedded or aws').default('embedded'),
  ALARA_TABLE: z.string().min(3).optional(),
  ALARA_QUEUE_URL: z
    .url('expected the URL of a queue')
    // A FIFO queue takes no delay of a single message, and wants groups that we do not name.
    .refine((url) => !url.endsWith('.fifo'), 'expected the URL of a standard queue, not of a FIFO queue')
    .optional(),
  ALARA_UPLOADS_BUCKET: z.string().min(3).optional(),
  /** The key that patient data is sealed with on AWS. */
  ALARA_KEY: z
    .string()
    // The padding may be left out: Secrets Manager can generate 43 letters of Base64, but cannot add it.
    .regex(/^[A-Za-z0-9+/]{43}=?$/, 'expected 32 bytes in Base64')
    .transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
    .refine((key) => key.length === keyBytes, 'expected 32 bytes in Base64')
    .optional(),
  /** The embedded store. */
  ALARA_DATA: z.string().min(1).default('.alara'),
  /** The key that patient data in the store is sealed with; by default a file in ALARA_DATA. */
  ALARA_KEY_FILE: z.string().min(1).optional(),
  /** How long jobs that have ended are kept, and the films of those that were given up. */
  ALARA_RETENTION_DAYS: whole(1, 3650).default(30),
  /** A JSON file that names the PACS, or its JSON. */
  ALARA_PACS: z.string().min(1).optional(),
  ALARA_DEVICE: z.enum(['cpu', 'cuda'], 'expected cpu or cuda').default('cpu'),
  /** Films read at the same time. */
  ALARA_WORKERS: whole(1, 256).optional(),
  /** Threads inside one inference. */
  ALARA_THREADS: whole(1, 256).default(1),
  /** Films that may wait. */
  ALARA_QUEUE: whole(0, 100_000).default(256),
  ALARA_DEADLINE_MS: whole(100, 600_000).default(30_000),
  /** What the process may hold while films are read; 80 % of the machine's or container's memory by default. */
  ALARA_MEMORY_MB: whole(256, 10_000_000).optional(),
  /** Films in memory at the same time, of all requests and jobs. */
  ALARA_BUFFER_MB: whole(16, 1_000_000).default(512),
  ALARA_MAX_BODY_MB: whole(1, 1024).default(32),
  /** One upload, and one instance that comes by STOW-RS. */
  ALARA_MAX_UPLOAD_MB: whole(1, 1024).default(256),
  /** Films of one tenant in ALARA_DATA: uploads, and films of jobs that wait or were given up. */
  ALARA_QUOTA_MB: whole(1, 100_000_000).default(20_000),
  /** What films leave free on the disk of ALARA_DATA; 5 % of the disk, at most 1 GB, by default. */
  ALARA_FREE_MB: whole(0, 100_000_000).optional(),
  ALARA_LOG: z
    .enum(['silent', 'error', 'warn', 'info', 'debug'], 'expected silent, error, warn, info or debug')
    .default('info'),
});

/** What keeps what outlives a process. `openPlatform` opens it, and nothing else looks at its kind. */
export type PlatformSettings =
  | {
      readonly kind: 'embedded';
      readonly folder: string;
      readonly keyFile: string | undefined;
      readonly quotaBytes: number;
      /** The default belongs to the disk where it is undefined. */
      readonly floorBytes: number | undefined;
    }
  | ({ readonly kind: 'aws' } & AwsSettings);

export type AwsSettings = {
  readonly surroundings: Surroundings;
  readonly table: string;
  readonly queueUrl: string;
  /** Of films, and of what the table has no room for. */
  readonly bucket: string;
  /** What patient data is sealed with. */
  readonly key: Uint8Array;
};

export type Config = ReturnType<typeof readConfig>;

/** Validate the environment once. Throws {@link ConfigError}, naming every wrong setting. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const names = Object.keys(defaults.shape);
  const unknown = Object.keys(environment).filter((name) => name.startsWith('ALARA_') && !names.includes(name));
  const parsed = defaults.safeParse(environment);
  const problems = [
    ...unknown.map((name) => `${name}: unknown setting. Known: ${names.join(', ')}.`),
    ...(parsed.error?.issues ?? []).map((issue) => {
      const name = String(issue.path[0]);
      // A key that is not quite right must not get into a log.
      const value = name === 'ALARA_KEY' ? '…' : (environment[name] ?? '');
      return `${name}=${value}: ${issue.message}.`;
    }),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems.join('\n'));
  const { data } = parsed;
  const platform = platformOf(data, environment);
  return {
    port: data.PORT,
    host: data.HOST,
    models: data.ALARA_MODELS,
    family: data.ALARA_FAMILY,
    channel: data.ALARA_CHANNEL,
    modelCache: data.ALARA_MODEL_CACHE ?? join(data.ALARA_DATA, 'models'),
    modelCacheBytes: data.ALARA_MODEL_CACHE_MB * 1_000_000,
    pointerMs: data.ALARA_POINTER_SECONDS * 1000,
    policy: data.ALARA_POLICY,
    authRequired: data.ALARA_AUTH === 'required' || !isLoopback(data.HOST),
    role: data.ALARA_ROLE,
    data: data.ALARA_DATA,
    platform,
    retentionDays: data.ALARA_RETENTION_DAYS,
    pacs: data.ALARA_PACS,
    device: data.ALARA_DEVICE,
    // On a GPU two workers keep it busy while one of them decodes.
    workers: data.ALARA_WORKERS ?? (data.ALARA_DEVICE === 'cuda' ? 2 : cpus()),
    threads: data.ALARA_THREADS,
    queue: data.ALARA_QUEUE,
    deadlineMs: data.ALARA_DEADLINE_MS,
    memoryBytes: data.ALARA_MEMORY_MB === undefined ? undefined : data.ALARA_MEMORY_MB * 1_000_000,
    bufferBytes: data.ALARA_BUFFER_MB * 1_000_000,
    maxBodyBytes: data.ALARA_MAX_BODY_MB * 1_000_000,
    maxUploadBytes: data.ALARA_MAX_UPLOAD_MB * 1_000_000,
    log: data.ALARA_LOG,
  };
}

/** The settings of the platform that is chosen. One that belongs to the other would have no effect, and is refused. */
function platformOf(
  data: z.infer<typeof defaults>,
  environment: Readonly<Record<string, string | undefined>>,
): PlatformSettings {
  const { ALARA_TABLE: table, ALARA_QUEUE_URL: queueUrl, ALARA_UPLOADS_BUCKET: bucket, ALARA_KEY: key } = data;
  const ofAws = { ALARA_TABLE: table, ALARA_QUEUE_URL: queueUrl, ALARA_UPLOADS_BUCKET: bucket, ALARA_KEY: key };
  if (data.ALARA_PLATFORM === 'embedded') {
    const idle = Object.entries(ofAws).filter(([, value]) => value !== undefined);
    const floorBytes = data.ALARA_FREE_MB === undefined ? undefined : data.ALARA_FREE_MB * 1_000_000;
    if (idle.length === 0)
      return {
        ...{ kind: 'embedded', folder: data.ALARA_DATA, keyFile: data.ALARA_KEY_FILE, floorBytes },
        quotaBytes: data.ALARA_QUOTA_MB * 1_000_000,
      };
    throw new ConfigError(idle.map(([name]) => `${name}: is used with ALARA_PLATFORM=aws only.`).join('\n'));
  }
  const missing = Object.entries(ofAws).filter(([, value]) => value === undefined);
  const problems = missing.map(([name]) => `${name}: is needed with ALARA_PLATFORM=aws.`);
  if (data.ALARA_KEY_FILE !== undefined)
    problems.push('ALARA_KEY_FILE: is used with ALARA_PLATFORM=embedded only; on AWS the key is ALARA_KEY.');
  if (!environment['AWS_REGION']) problems.push('AWS_REGION: is needed with ALARA_PLATFORM=aws.');
  if (problems.length > 0 || !table || !queueUrl || !bucket || !key) throw new ConfigError(problems.join('\n'));
  return { kind: 'aws', surroundings: readSurroundings(environment), table, queueUrl, bucket, key };
}
