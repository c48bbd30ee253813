import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { cpus } from './cpus.ts';

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
  /** The folder that holds the families and `policies/`. */
  ALARA_MODELS: z
    .string()
    .min(1)
    .refine((path) => !path.startsWith('s3://'), 's3:// is not read yet: download the models and name their folder')
    .default('models'),
  ALARA_FAMILY: z.string().min(1).default('chest14'),
  /** The policy used when a request names none; the family's own by default. */
  ALARA_POLICY: z.string().min(1).optional(),
  /** Whether callers need API keys: `auto` asks for them on every address but loopback. */
  ALARA_AUTH: z.enum(['auto', 'required'], 'expected auto or required').default('auto'),
  /** What this process does: answer HTTP, work on jobs, or both. */
  ALARA_ROLE: z.enum(['all', 'api', 'worker'], 'expected all, api or worker').default('all'),
  /** The embedded store. */
  ALARA_DATA: z.string().min(1).default('.alara'),
  /** The key that patient data in the store is sealed with; by default a file in ALARA_DATA. */
  ALARA_KEY_FILE: z.string().min(1).optional(),
  /** How long finished jobs are kept. */
  ALARA_RETENTION_DAYS: whole(1, 3650).default(30),
  /** A JSON file that names the PACS. */
  ALARA_PACS: z.string().min(1).optional(),
  ALARA_DEVICE: z.enum(['cpu', 'cuda'], 'expected cpu or cuda').default('cpu'),
  /** Films read at the same time. */
  ALARA_WORKERS: whole(1, 256).optional(),
  /** Threads inside one inference. */
  ALARA_THREADS: whole(1, 256).default(1),
  /** Films that may wait. */
  ALARA_QUEUE: whole(0, 100_000).default(256),
  ALARA_DEADLINE_MS: whole(100, 600_000).default(30_000),
  ALARA_MAX_BODY_MB: whole(1, 1024).default(32),
  /** One upload, and one instance that comes by STOW-RS. */
  ALARA_MAX_UPLOAD_MB: whole(1, 1024).default(256),
  ALARA_LOG: z
    .enum(['silent', 'error', 'warn', 'info', 'debug'], 'expected silent, error, warn, info or debug')
    .default('info'),
});

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
      return `${name}=${environment[name] ?? ''}: ${issue.message}.`;
    }),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems.join('\n'));
  const { data } = parsed;
  return {
    port: data.PORT,
    host: data.HOST,
    models: data.ALARA_MODELS,
    family: data.ALARA_FAMILY,
    policy: data.ALARA_POLICY,
    authRequired: data.ALARA_AUTH === 'required' || !isLoopback(data.HOST),
    role: data.ALARA_ROLE,
    data: data.ALARA_DATA,
    keyFile: data.ALARA_KEY_FILE,
    retentionDays: data.ALARA_RETENTION_DAYS,
    pacs: data.ALARA_PACS,
    device: data.ALARA_DEVICE,
    // On a GPU two workers keep it busy while one of them decodes.
    workers: data.ALARA_WORKERS ?? (data.ALARA_DEVICE === 'cuda' ? 2 : cpus()),
    threads: data.ALARA_THREADS,
    queue: data.ALARA_QUEUE,
    deadlineMs: data.ALARA_DEADLINE_MS,
    maxBodyBytes: data.ALARA_MAX_BODY_MB * 1_000_000,
    maxUploadBytes: data.ALARA_MAX_UPLOAD_MB * 1_000_000,
    log: data.ALARA_LOG,
  };
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine reaches an address. A name other than localhost may point anywhere. */
function isLoopback(host: string): boolean {
  const version = isIP(host);
  return version === 0 ? host === 'localhost' : loopback.check(host, version === 4 ? 'ipv4' : 'ipv6');
}
