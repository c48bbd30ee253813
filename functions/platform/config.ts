import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { issueInWords } from '../core/plain-words.ts';
import { type AwsEnvironment, readAwsEnvironment } from './aws/environment.ts';
import { cpus } from './cpus.ts';
import { isLoopback } from './loopback.ts';
import { Settings } from './settings.ts';

/** Settings that cannot be used. The message has one line per setting: what is wrong, and what is expected. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** Where data that outlives a process is stored. Only `openPlatform` distinguishes the kinds. */
export type PlatformSettings =
  | {
      readonly kind: 'embedded';
      readonly folder: string;
      readonly keyFile: string | undefined;
      readonly quotaBytes: number;
      /** Undefined: the default, which depends on the disk. */
      readonly floorBytes: number | undefined;
    }
  | ({ readonly kind: 'aws' } & AwsSettings);

export type AwsSettings = {
  readonly awsEnvironment: AwsEnvironment;
  readonly table: string;
  readonly queueUrl: string;
  /** For films, and for values that exceed an item of the table. */
  readonly bucket: string;
  /** The key that encrypts patient data. */
  readonly key: Uint8Array;
};

export type Config = ReturnType<typeof readConfig>;

/** Validate the environment. Throws {@link ConfigError}, which names every wrong setting. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const names = Object.keys(Settings.shape);
  const unknown = Object.keys(environment).filter((name) => name.startsWith('ALARA_') && !names.includes(name));
  const parsed = Settings.safeParse(environment);
  const problems = [
    ...unknown.map(
      (name) =>
        `${name}: unknown setting. Correct its name, or name a variable of your own without ALARA_ at its start. Known: ${names.join(', ')}.`,
    ),
    ...(parsed.error?.issues ?? []).map((issue) => {
      const name = String(issue.path[0]);
      // A key with a typing error must not appear in a log.
      const value = name === 'ALARA_KEY' ? '…' : (environment[name] ?? '');
      return `${name}=${value}: ${issueInWords(issue)}.`;
    }),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems.join('\n'));
  const { data } = parsed;
  const platform = platformOf(data, environment);
  return {
    port: data.PORT,
    host: data.HOST,
    models: data.ALARA_MODELS ?? installedModels(),
    family: data.ALARA_FAMILY,
    channel: data.ALARA_CHANNEL,
    modelCache: data.ALARA_MODEL_CACHE ?? join(data.ALARA_DATA, 'models'),
    modelCacheBytes: data.ALARA_MODEL_CACHE_MB * 1_000_000,
    pointerMs: data.ALARA_POINTER_SECONDS * 1000,
    policy: data.ALARA_POLICY,
    authRequired: data.ALARA_AUTH === 'required' || !isLoopback(data.HOST),
    corsOrigins: data.ALARA_CORS_ORIGINS,
    role: data.ALARA_ROLE,
    data: data.ALARA_DATA,
    platform,
    retentionDays: data.ALARA_RETENTION_DAYS,
    pacs: data.ALARA_PACS,
    device: data.ALARA_DEVICE,
    // Two threads keep a GPU busy while one of them decodes.
    workers: data.ALARA_WORKERS ?? (data.ALARA_DEVICE === 'cuda' ? 2 : cpus()),
    threads: data.ALARA_THREADS,
    queue: data.ALARA_QUEUE,
    rateLimits: { films: data.ALARA_FILM_RATE, requests: data.ALARA_REQUEST_RATE },
    deadlineMs: data.ALARA_DEADLINE_MS,
    memoryBytes: data.ALARA_MEMORY_MB === undefined ? undefined : data.ALARA_MEMORY_MB * 1_000_000,
    bufferBytes: data.ALARA_BUFFER_MB * 1_000_000,
    maxBodyBytes: data.ALARA_MAX_BODY_MB * 1_000_000,
    maxUploadBytes: data.ALARA_MAX_UPLOAD_MB * 1_000_000,
    log: data.ALARA_LOG,
  };
}

/** The settings of the chosen platform. A setting of the other platform would have no effect, so it is refused. */
function platformOf(data: Settings, environment: Readonly<Record<string, string | undefined>>): PlatformSettings {
  const { ALARA_TABLE: table, ALARA_QUEUE_URL: queueUrl, ALARA_UPLOADS_BUCKET: bucket, ALARA_KEY: key } = data;
  const awsSettings = { ALARA_TABLE: table, ALARA_QUEUE_URL: queueUrl, ALARA_UPLOADS_BUCKET: bucket, ALARA_KEY: key };
  if (data.ALARA_PLATFORM === 'embedded') {
    const unused = Object.entries(awsSettings).filter(([, value]) => value !== undefined);
    const floorBytes = data.ALARA_FREE_MB === undefined ? undefined : data.ALARA_FREE_MB * 1_000_000;
    if (unused.length === 0)
      return {
        kind: 'embedded',
        folder: data.ALARA_DATA,
        keyFile: data.ALARA_KEY_FILE,
        quotaBytes: data.ALARA_QUOTA_MB * 1_000_000,
        floorBytes,
      };
    throw new ConfigError(unused.map(([name]) => `${name}: is used with ALARA_PLATFORM=aws only.`).join('\n'));
  }
  const missing = Object.entries(awsSettings).filter(([, value]) => value === undefined);
  const problems = missing.map(([name]) => `${name}: is needed with ALARA_PLATFORM=aws.`);
  if (data.ALARA_KEY_FILE !== undefined)
    problems.push('ALARA_KEY_FILE: is used with ALARA_PLATFORM=embedded only; on AWS the key is ALARA_KEY.');
  if (!environment['AWS_REGION']) problems.push('AWS_REGION: is needed with ALARA_PLATFORM=aws.');
  if (problems.length > 0 || !table || !queueUrl || !bucket || !key) throw new ConfigError(problems.join('\n'));
  return { kind: 'aws', awsEnvironment: readAwsEnvironment(environment), table, queueUrl, bucket, key };
}

/** The folder of this installation: the nearest one above this file with a package.json, in a clone, a package and the image. */
function installation(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder))
    if (existsSync(join(folder, 'package.json')) || folder === dirname(folder)) return folder;
}

/** The model families that were installed together with the program. The path is relative if it is below the working folder. */
export function installedModels(): string {
  const models = join(installation(), 'models');
  const below = relative(process.cwd(), models);
  return below.startsWith('..') || isAbsolute(below) ? models : below;
}
