import { z } from 'zod';
import { keyBytes } from './vault.ts';

const whole = (low: number, high: number) =>
  z.coerce
    .number({ error: `expected a whole number from ${low} to ${high}` })
    .int(`expected a whole number from ${low} to ${high}`)
    .min(low, `expected at least ${low}`)
    .max(high, `expected at most ${high}`);

const text = z.string().min(1);

const origins = z
  .string()
  .transform((list) =>
    list
      .split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
  )
  .refine(
    (list) =>
      list.every((origin) => /^https?:$/.test(URL.parse(origin)?.protocol ?? '') && new URL(origin).origin === origin),
    'expected origins such as https://ris.example.org, without a path and separated by commas',
  );
const oneOf = <const Values extends readonly [string, ...string[]]>(...values: Values) =>
  z.enum(values, `expected ${values.slice(0, -1).join(', ')} or ${values.at(-1)}`);

const Key = z
  .string()
  // Secrets Manager generates 43 letters of Base64 and cannot add the padding.
  .regex(/^[A-Za-z0-9+/]{43}=?$/, 'expected 32 bytes in Base64')
  .transform((base64) => new Uint8Array(Buffer.from(base64, 'base64')))
  .refine((key) => key.length === keyBytes, 'expected 32 bytes in Base64');

/**
 * The settings, which are environment variables. `alara serve --help` and docs/settings.md are rendered from the
 * descriptions. `usual` describes a default that depends on the machine or on another setting.
 */
export const Settings = z.object({
  PORT: whole(0, 65_535).default(8080).describe('The port of the HTTP API. 0 takes a free port.'),
  HOST: text
    .default('127.0.0.1')
    .describe('The address to listen on. On any address but loopback, every caller needs an API key.'),
  ALARA_AUTH: oneOf('auto', 'required')
    .default('auto')
    .describe(
      '`required` demands API keys on loopback too, as a service behind a proxy needs. `auto` answers requests on loopback without a key, as those of the tenant `local`.',
    ),
  ALARA_CORS_ORIGINS: origins.default([]).meta({
    usual: 'none',
    description:
      'Origins whose pages may call the API from a browser, separated by commas: `https://ris.example.org`. On loopback these pages need no API key.',
  }),
  ALARA_ROLE: oneOf('all', 'api', 'worker')
    .default('all')
    .describe('`api` answers HTTP only, `worker` runs jobs only, `all` does both.'),
  ALARA_MODELS: text
    .refine(
      (models) => !models.startsWith('s3:') || /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/.test(models),
      'expected s3://bucket/prefix',
    )
    .optional()
    .meta({
      usual: '`models` of the installation',
      description:
        'The folder of the model families and `policies/`, or the store of published ones: s3://bucket/prefix.',
    }),
  ALARA_FAMILY: text.default('chest14').describe('The model family to serve.'),
  ALARA_POLICY: text
    .optional()
    .meta({ usual: "the family's own", description: 'The policy of requests that name none.' }),
  ALARA_CHANNEL: oneOf('live', 'canary')
    .default('live')
    .describe('The channel of the store to serve. `canary` is what was published and not yet promoted.'),
  ALARA_POINTER_SECONDS: whole(1, 86_400)
    .default(30)
    .describe('Seconds between two looks for a newer release on the channel.'),
  ALARA_MODEL_CACHE: text
    .optional()
    .meta({ usual: '`models` in ALARA_DATA', description: 'The folder for models that were downloaded from a store.' }),
  ALARA_MODEL_CACHE_MB: whole(64, 1_000_000)
    .default(2048)
    .describe('The size to which unused models are evicted. Models in use may exceed it.'),
  ALARA_PLATFORM: oneOf('embedded', 'aws')
    .default('embedded')
    .describe('Where readings, jobs, films and keys are stored: `embedded` is SQLite and files in ALARA_DATA.'),
  ALARA_DATA: text.default('.alara').describe('The folder of the embedded store.'),
  ALARA_KEY_FILE: text.optional().meta({
    usual: '`key` in ALARA_DATA',
    description: 'The file with the key that encrypts patient data in the embedded store.',
  }),
  ALARA_TABLE: z.string().min(3).optional().describe('The DynamoDB table, with ALARA_PLATFORM=aws.'),
  ALARA_QUEUE_URL: z
    .url('expected the URL of a queue')
    // A FIFO queue cannot delay a single message, and requires message groups, which are not sent.
    .refine((url) => !url.endsWith('.fifo'), 'expected the URL of a standard queue, not of a FIFO queue')
    .optional()
    .describe('The SQS queue of jobs, with ALARA_PLATFORM=aws.'),
  ALARA_UPLOADS_BUCKET: z
    .string()
    .min(3)
    .optional()
    .describe('The S3 bucket of films and of large results, with ALARA_PLATFORM=aws.'),
  ALARA_KEY: Key.optional().describe(
    'The key that encrypts patient data, with ALARA_PLATFORM=aws: 32 bytes in Base64.',
  ),
  ALARA_RETENTION_DAYS: whole(1, 3650)
    .default(30)
    .describe('Days for which finished jobs are kept, and the films of jobs that were given up.'),
  ALARA_PACS: text.optional().describe('A JSON file that describes the PACS connections, or this JSON itself.'),
  ALARA_DEVICE: oneOf('cpu', 'cuda').default('cpu').describe('The device that runs the models.'),
  ALARA_WORKERS: whole(1, 256).optional().meta({
    usual: 'one per processor, 2 on cuda',
    description: 'Threads of the inference pool: films that are read at the same time.',
  }),
  ALARA_THREADS: whole(1, 256).default(1).describe('Threads inside one inference.'),
  ALARA_QUEUE: whole(0, 100_000)
    .default(256)
    .describe('Films that may wait for a thread. One more is refused with 503 and `Retry-After`.'),
  ALARA_FILM_RATE: whole(1, 100_000).optional().meta({
    usual: 'no limit',
    description:
      'Films that one API key may send per minute. One more is refused with 429 and `Retry-After`. Requests without a key count as one key.',
  }),
  ALARA_REQUEST_RATE: whole(1, 100_000).optional().meta({
    usual: 'no limit',
    description: 'Other requests of one API key per minute, such as the polling of jobs. Films are counted apart.',
  }),
  ALARA_DEADLINE_MS: whole(100, 600_000)
    .default(30_000)
    .describe('Milliseconds from acceptance to answer. A film that would miss it is refused with 503.'),
  ALARA_MEMORY_MB: whole(256, 10_000_000).optional().meta({
    usual: "80 % of the container's or machine's memory",
    description: 'Memory of the process while films are read. Beyond it, the film that has run longest is refused.',
  }),
  ALARA_BUFFER_MB: whole(16, 1_000_000)
    .default(512)
    .describe('Films in memory at the same time, of requests and jobs together. Jobs take at most half.'),
  ALARA_MAX_BODY_MB: whole(1, 1024).default(32).describe('The largest film in the body of a request.'),
  ALARA_MAX_UPLOAD_MB: whole(1, 1024).default(256).describe('The largest upload, and the largest STOW-RS instance.'),
  ALARA_QUOTA_MB: whole(1, 100_000_000)
    .default(20_000)
    .describe('Films of one tenant in ALARA_DATA. One more is refused with 429.'),
  ALARA_FREE_MB: whole(0, 100_000_000).optional().meta({
    usual: '5 % of the disk, at most 1000',
    description: 'Space that films leave free on the disk of ALARA_DATA. Below it, uploads are refused with 503.',
  }),
  ALARA_LOG: oneOf('silent', 'error', 'warn', 'info', 'debug')
    .default('info')
    .describe('The level of the log: JSON lines on standard error.'),
});
export type Settings = z.infer<typeof Settings>;

/** Each setting with its description and its default, for help and documents. */
export const describedSettings = Object.entries(Settings.shape).map(([name, schema]) => {
  const { description = '', usual } = schema.meta() ?? {};
  const fallback = schema instanceof z.ZodDefault ? String(schema.def.defaultValue) : 'none';
  return { name, description, usual: usual === undefined ? fallback : String(usual) };
});
