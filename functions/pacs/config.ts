import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type ZodError, z } from 'zod';
import { inPlainWords, issueInWords, jsonProblem } from '../core/plain-words.ts';
import { lineOf } from '../models/json-line.ts';
import { ConfigError } from '../platform/config.ts';
import { localTenant } from '../storage/access.ts';
import { readSecret } from './credentials.ts';

const seconds = (min: number, max: number) => z.number().min(min).max(max);

/** A base address without a trailing slash. Credentials in an address are rejected, because addresses are logged. */
const BaseUrl = z
  .url({ protocol: /^https?$/, error: 'expected an http:// or https:// address' })
  .refine((url) => !/^https?:\/\/[^/]*@/.test(url), 'remove the credentials: use username and passwordFile')
  .refine((url) => !/[?#]/.test(url), 'expected a base address without ? or #')
  .transform((url) => url.replace(/\/+$/, ''));

export const Follow = z.strictObject({
  /** The start of the first poll: `now` reads only new films, `beginning` reads all films in the change log. */
  from: z.enum(['now', 'beginning']).default('now'),
  /** Interval between two polls. A notification starts a poll earlier. */
  everySeconds: seconds(0.1, 3600).default(5),
  /** A study is read after this time without a new instance, or when Orthanc reports it as stable. */
  settleSeconds: seconds(0, 600).default(5),
});
export type Follow = z.infer<typeof Follow>;

export const Poll = z.strictObject({
  everySeconds: seconds(0.1, 86_400).default(30),
  /** The age limit of the studies to search for. It is rounded to whole days of the Study Date. */
  withinHours: seconds(1, 24 * 366).default(24),
  /**
   * Interval at which the films of recent studies are downloaded again and compared, because QIDO-RS does not show that pixels
   * were replaced under the same SOP Instance UID. Not used with `orthanc`, which gives the digests of files.
   */
  verifyMinutes: z
    .number()
    .min(0.01)
    .max(60 * 24 * 366)
    .default(360),
  /** Time zone of the dates in the archive, as an IANA name. The default is the time zone of the process. */
  timeZone: z.string().refine(isTimeZone, 'expected an IANA time zone, for example Europe/Berlin').optional(),
});
export type Poll = z.infer<typeof Poll>;

const inlineSecret = z.never({ error: 'this file must not contain a secret: name a file or an environment variable' });

export const PacsEntry = z
  .strictObject({
    /** The root of QIDO-RS, WADO-RS and STOW-RS. */
    dicomWeb: BaseUrl,
    /** The root of Orthanc's own REST API. If it is set, the change log of Orthanc is polled. */
    orthanc: BaseUrl.optional(),
    follow: Follow.optional(),
    poll: Poll.optional(),
    username: z.string().min(1).optional(),
    passwordFile: z.string().min(1).optional(),
    passwordEnv: z.string().min(1).optional(),
    bearerTokenFile: z.string().min(1).optional(),
    password: inlineSecret.optional(),
    bearerToken: inlineSecret.optional(),
    /** The tenant that owns the readings and jobs. */
    tenant: z.string().min(1).max(64).default(localTenant),
    /** Modality (0008,0060) of the series whose images are read. */
    modalities: z
      .array(z.string().regex(/^[A-Z0-9_ ]{1,16}$/, 'expected a modality such as DX'))
      .nonempty()
      .default(['CR', 'DX']),
    /** The result objects to store in the study. */
    results: z
      .array(z.enum(['sr', 'sc']))
      .refine((kinds) => kinds.includes('sr'), 'must contain "sr": the SR marks a film as read')
      .default(['sr']),
    findings: z.string().optional(),
    minAuroc: z.string().optional(),
    prevalence: z.string().optional(),
    policy: z.string().optional(),
    operatingPoint: z.string().optional(),
    /** Whether results of films that the tenant sends by STOW-RS are stored in this PACS. */
    sendResultsOfStow: z.boolean().default(false),
    /** Studies with an older Study Date are ignored. */
    readStudiesOfLastDays: z.int().min(1).max(36_600).optional(),
    /** Limit of one request with its whole response. `fetch` waits at most 300 s for the start of a response. */
    timeoutSeconds: seconds(0.1, 300).default(60),
    /** A larger instance is not downloaded. */
    maxFilmMb: z.int().min(1).max(1024).default(64),
  })
  .check(({ value, issues }) => {
    const addIssue = (key: string, message: string) =>
      issues.push({ code: 'custom', input: value, path: [key], message });
    const passwords = [value.passwordFile, value.passwordEnv].filter((given) => given !== undefined).length;
    if (passwords > 1) addIssue('passwordEnv', 'set passwordFile or passwordEnv, not both');
    if (value.username && passwords === 0) addIssue('username', 'has no password: add passwordFile or passwordEnv');
    if (!value.username && passwords > 0) addIssue('username', 'is missing: a password needs a username');
    if (value.username && value.bearerTokenFile)
      addIssue('bearerTokenFile', 'set username or bearerTokenFile, not both');
    if (value.follow && !value.orthanc)
      addIssue('follow', 'needs orthanc: only the change log of Orthanc can be polled');
  });

const PacsFile = z
  .strictObject({ pacs: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/), PacsEntry) })
  .check(({ value, issues }) => {
    const receivers = Object.entries(value.pacs).filter(([, { sendResultsOfStow }]) => sendResultsOfStow);
    for (const [, [, second]] of Map.groupBy(receivers, ([, { tenant }]) => tenant))
      if (second)
        issues.push({
          code: 'custom',
          input: second,
          path: ['pacs', second[0], 'sendResultsOfStow'],
          message: 'is set for another PACS of this tenant: set it for one PACS only',
        });
  });

/** All configured PACS, by name. */
export type PacsConfig = { readonly [name: string]: PacsSettings };
export type PacsSettings = z.infer<typeof PacsEntry>;

/**
 * Read the PACS configuration. ALARA_PACS is the path of a file, or the JSON itself, for containers without configuration files.
 * Throws {@link ConfigError} with one line per invalid setting, or with the secret that cannot be read.
 */
export function readPacsConfig(setting: string): PacsConfig {
  const isInline = setting.trimStart().startsWith('{');
  const path = isInline ? 'ALARA_PACS' : setting;
  const configError = (problem: string) => new ConfigError(`${isInline ? path : `ALARA_PACS=${path}`}: ${problem}`);
  let text = setting;
  let json: unknown;
  try {
    if (!isInline) text = readFileSync(path, 'utf8');
  } catch (error) {
    throw configError(`cannot be read: ${inPlainWords(error)}.`);
  }
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw configError(`${jsonProblem(error)}.`);
  }
  const parsed = PacsFile.safeParse(json);
  if (!parsed.success) throw new ConfigError(issueLines(path, text, parsed.error));
  const pacs = Object.fromEntries(
    Object.entries(parsed.data.pacs).map(([name, settings]) => [name, { ...settings, ...secretPaths(path, settings) }]),
  );
  for (const [name, settings] of Object.entries(pacs)) {
    const secret = readSecret(settings);
    if (!secret.ok) throw new ConfigError(`${path}:${lineOf(text, ['pacs', name])}: pacs.${name}: ${secret.fault}`);
  }
  return pacs;
}

/** Absolute paths of the secret files. A relative path starts at the folder of the configuration file. */
const secretPaths = (path: string, { passwordFile, bearerTokenFile }: PacsSettings) => ({
  ...(passwordFile !== undefined && { passwordFile: resolve(dirname(path), passwordFile) }),
  ...(bearerTokenFile !== undefined && { bearerTokenFile: resolve(dirname(path), bearerTokenFile) }),
});

const issueLines = (path: string, text: string, error: ZodError) =>
  error.issues
    .map((issue) => {
      const where = issue.path.filter((key) => typeof key !== 'symbol');
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
      return `${path}:${lineOf(text, [...where, ...unknown])}: ${where.join('.') || 'the file'}: ${issueInWords(issue)}`;
    })
    .join('\n');

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}
