import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ZodError } from 'zod';
import { z } from 'zod';
import { messageOf } from '../core/errors.ts';
import { localTenant } from '../core/tenant.ts';
import { lineOf } from '../models/json-line.ts';
import { ConfigError } from '../platform/config.ts';
import { readSecret } from './credentials.ts';

const seconds = (low: number, high: number) => z.number().min(low).max(high);

/** A base address, kept without a trailing slash. Credentials in it would end up in logs, so they are refused. */
const BaseUrl = z
  .url({ protocol: /^https?$/, error: 'expected an http:// or https:// address' })
  .refine((url) => !/^https?:\/\/[^/]*@/.test(url), 'leave credentials out: use username and passwordFile')
  .refine((url) => !/[?#]/.test(url), 'expected a base address without ? or #')
  .transform((url) => url.replace(/\/+$/, ''));

export const Follow = z.strictObject({
  /** Where to begin at the first contact: with what arrives from now on, or with everything the archive's log holds. */
  from: z.enum(['now', 'beginning']).default('now'),
  /** Between two looks when no nudge comes. */
  everySeconds: seconds(0.1, 3600).default(5),
  /** A study is read when nothing was added to it for so long, or when Orthanc calls it stable. */
  settleSeconds: seconds(0, 600).default(5),
});
export type Follow = z.infer<typeof Follow>;

export const Poll = z.strictObject({
  everySeconds: seconds(0.1, 86_400).default(30),
  /** Studies with a Study Date in these last hours, in whole days. */
  withinHours: seconds(1, 24 * 366).default(24),
  /**
   * QIDO-RS does not show that pixels were replaced under the same SOP Instance UID: after so long the films of the studies
   * in the window are pulled again and compared. Not needed where `orthanc` tells the digests of files.
   */
  verifyMinutes: z
    .number()
    .min(0.01)
    .max(60 * 24 * 366)
    .default(360),
  /** Of the archive's dates, as an IANA name; the process's own by default. */
  timeZone: z.string().refine(isTimeZone, 'expected an IANA time zone, for example Europe/Berlin').optional(),
});
export type Poll = z.infer<typeof Poll>;

const inline = z.never({ error: 'a secret never stands in this file: name a file, or an environment variable' });

export const PacsEntry = z
  .strictObject({
    /** The root of QIDO-RS, WADO-RS and STOW-RS. */
    dicomWeb: BaseUrl,
    /** The root of Orthanc's own REST API: its change log is followed. */
    orthanc: BaseUrl.optional(),
    follow: Follow.optional(),
    poll: Poll.optional(),
    username: z.string().min(1).optional(),
    passwordFile: z.string().min(1).optional(),
    passwordEnv: z.string().min(1).optional(),
    bearerTokenFile: z.string().min(1).optional(),
    password: inline.optional(),
    bearerToken: inline.optional(),
    /** Whose readings and jobs these are. */
    tenant: z.string().min(1).max(64).default(localTenant),
    /** Modality (0008,0060) of the series whose images are read. */
    modalities: z
      .array(z.string().regex(/^[A-Z0-9_ ]{1,16}$/, 'expected a modality such as DX'))
      .nonempty()
      .default(['CR', 'DX']),
    /** What goes back into the study. */
    results: z
      .array(z.enum(['sr', 'sc']))
      .refine((kinds) => kinds.includes('sr'), 'expected "sr" among the results: it says that a film was read')
      .default(['sr']),
    findings: z.string().optional(),
    minAuroc: z.string().optional(),
    prevalence: z.string().optional(),
    policy: z.string().optional(),
    /** Results of films that its tenant sent by STOW-RS go to this PACS. */
    sendResultsOfStow: z.boolean().default(false),
    /** Studies with an older Study Date are left alone. */
    readStudiesOfLastDays: z.int().min(1).max(36_600).optional(),
    /** For one request and its whole answer; fetch itself waits no longer than 300 s for an answer to begin. */
    timeoutSeconds: seconds(0.1, 300).default(60),
    /** A larger instance is not pulled. */
    maxFilmMb: z.int().min(1).max(1024).default(64),
  })
  .check(({ value, issues }) => {
    const complain = (key: string, message: string) =>
      issues.push({ code: 'custom', input: value, path: [key], message });
    const passwords = [value.passwordFile, value.passwordEnv].filter((given) => given !== undefined).length;
    if (passwords > 1) complain('passwordEnv', 'give passwordFile or passwordEnv, not both');
    if (value.username && passwords === 0) complain('username', 'has no password: add passwordFile or passwordEnv');
    if (!value.username && passwords > 0) complain('username', 'expected beside a password');
    if (value.username && value.bearerTokenFile) complain('bearerTokenFile', 'give a username or a token, not both');
    if (value.follow && !value.orthanc) complain('follow', 'needs orthanc: only its change log can be followed');
  });

const PacsFile = z
  .strictObject({ pacs: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/), PacsEntry) })
  .check(({ value, issues }) => {
    const takers = Object.entries(value.pacs).filter(([, { sendResultsOfStow }]) => sendResultsOfStow);
    for (const [, [, second]] of Map.groupBy(takers, ([, { tenant }]) => tenant))
      if (second)
        issues.push({
          ...{ code: 'custom', input: second, path: ['pacs', second[0], 'sendResultsOfStow'] },
          message: 'another PACS of this tenant takes them already: set it for one only',
        });
  });

/** Every PACS that is worked with, by name. */
export type PacsConfig = { readonly [name: string]: PacsSettings };
export type PacsSettings = z.infer<typeof PacsEntry>;

/**
 * Read the file that ALARA_PACS names, or ALARA_PACS itself where it is the JSON, as a container without files of its
 * own is given it. Throws {@link ConfigError} with a line for everything that is wrong in it, and for a secret that
 * cannot be read.
 */
export function readPacsConfig(setting: string): PacsConfig {
  const inline = setting.trimStart().startsWith('{');
  const path = inline ? 'ALARA_PACS' : setting;
  const wrong = (problem: string) => new ConfigError(`${inline ? path : `ALARA_PACS=${path}`}: ${problem}`);
  let text = setting;
  let json: unknown;
  try {
    if (!inline) text = readFileSync(path, 'utf8');
  } catch (error) {
    throw wrong(`cannot be read (${messageOf(error)}).`);
  }
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw wrong(`is not JSON: ${messageOf(error)}`);
  }
  const parsed = PacsFile.safeParse(json);
  if (!parsed.success) throw new ConfigError(describe(path, text, parsed.error));
  const pacs = Object.fromEntries(
    Object.entries(parsed.data.pacs).map(([name, settings]) => [name, { ...settings, ...besides(path, settings) }]),
  );
  for (const [name, settings] of Object.entries(pacs)) {
    const secret = readSecret(settings);
    if (!secret.ok) throw new ConfigError(`${path}:${lineOf(text, ['pacs', name])}: pacs.${name}: ${secret.fault}`);
  }
  return pacs;
}

/** Files of secrets lie where the configuration lies, unless they are named by an absolute path. */
const besides = (path: string, { passwordFile, bearerTokenFile }: PacsSettings) => ({
  ...(passwordFile !== undefined && { passwordFile: resolve(dirname(path), passwordFile) }),
  ...(bearerTokenFile !== undefined && { bearerTokenFile: resolve(dirname(path), bearerTokenFile) }),
});

const describe = (path: string, text: string, error: ZodError) =>
  error.issues
    .map((issue) => {
      const where = issue.path.filter((key) => typeof key !== 'symbol');
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
      return `${path}:${lineOf(text, [...where, ...unknown])}: ${where.join('.') || 'the file'}: ${issue.message}`;
    })
    .join('\n');

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}
