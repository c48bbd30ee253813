import { createHmac } from 'node:crypto';
import { connectionFailureOf, connectionFailureTexts } from '../../core/connection-failure.ts';
import type { Fault } from '../../core/fault.ts';
import type { Job } from '../../core/job.ts';
import { type JobView, viewOf } from '../../core/job-view.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { ms } from '../../core/units.ts';
import { isLoopback } from '../../platform/loopback.ts';
import type { Webhooks } from '../../storage/access.ts';
import type { Platform } from '../../storage/platform.ts';
import type { Handler } from '../handler.ts';
import type { WebhookLimits } from './webhook-limits.ts';

/** A receiver should answer first and process the webhook later (https://www.standardwebhooks.com). */
const timeoutMs = 10_000;

/** Between 1 and 5 s: the webhooks that wait for a paused receiver do not all return while one of them is tried. */
const spreadMs = () => Math.ceil(1000 + 4000 * Math.random());

export type WebhookStores = Pick<Platform, 'jobs' | 'access'>;

/** Tells a tenant's receiver that a job has ended, by Standard Webhooks. */
export const webhookHandler =
  ({ jobs, access }: WebhookStores, limits: WebhookLimits): Handler<'webhook'> =>
  async ({ id, tenant, input }, { signal }) => {
    const [job, webhooks] = await Promise.all([jobs.get(input.job), access.webhooks(tenant)]);
    // The job was deleted after its retention.
    if (!job) return ok([]);
    // The list of hosts may have changed since the job was submitted.
    const target = allowedTarget(tenant, input.url, webhooks);
    if (!target.ok) return target;
    const admission = limits.admit(target.value.url.origin, tenant);
    // Nothing was sent, so the attempt does not count.
    if (admission.kind !== 'admitted') {
      const spread = admission.kind === 'closed' ? spreadMs() : 0;
      return fail({ code: 'queue_full', retryAfterMs: ms(admission.waitMs + spread) });
    }
    const body = JSON.stringify({
      type: 'job.finished',
      timestamp: job.updatedAt,
      data: { job: withoutIdentifiers(job) },
    });
    const seconds = String(Math.floor(Date.now() / 1000));
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Alara',
      // Equal in every attempt, so that a receiver can recognise a repetition.
      'webhook-id': id,
      'webhook-timestamp': seconds,
      'webhook-signature': validSecrets(target.value.webhooks)
        .map((secret) => signatureOf(id, seconds, body, secret))
        .join(' '),
    };
    const sent = await send(target.value.url, headers, body, signal);
    const waitMs = sent.kind === 'answered' ? sent.waitMs : 0;
    admission.release(sent.kind === 'answered' ? { answered: true, notBeforeMs: waitMs } : { answered: false });
    const fault = faultOf(sent);
    return fault ? fail(fault) : ok([]);
  };

/** The newest first. A receiver accepts a webhook if one of the signatures is valid. */
const validSecrets = ({ secret, previous }: Webhooks): readonly string[] =>
  previous && Date.parse(previous.until) > Date.now() ? [secret, previous.secret] : [secret];

/**
 * Why a webhook was not accepted. No answer, a 5xx status and a request to wait count as an outage. Other refusals are
 * retried a few times, because a receiver that is being redeployed refuses for some minutes. 410 is final.
 */
function faultOf(sent: Sent): Fault | undefined {
  if (sent.kind === 'unanswered') {
    const { kind: _, ...unanswered } = sent;
    return { code: 'webhook_failed', ...unanswered };
  }
  const { status, waitMs } = sent;
  const problem = `the receiver answered ${status}`;
  if (status >= 200 && status < 300) return undefined;
  if (status === 410) return { code: 'webhook_gone' };
  if (status >= 500 || [408, 425, 429].includes(status))
    return { code: 'webhook_failed', problem, ...(waitMs > 0 && { waitMs: ms(waitMs) }) };
  return { code: 'webhook_refused', problem };
}

/** The longest pause that a receiver can ask for. */
const longestWaitMs = 3_600_000;

/**
 * The pause that Retry-After asks for, in seconds or as a date (RFC 9110 10.2.3). Some receivers send a fraction, which
 * `Date.parse` would parse as a month and a day.
 */
export function retryAfterMs(header: string | null, now: number): number {
  if (header === null) return 0;
  const asked = /^\s*[\d.+-]+\s*$/.test(header) ? 1000 * Number(header) : Date.parse(header) - now;
  return Number.isNaN(asked) ? 0 : Math.min(longestWaitMs, Math.max(0, Math.ceil(asked)));
}

/** The `v1` signature of Standard Webhooks: HMAC-SHA256 over id, time and body under the secret's bytes. */
export function signatureOf(id: string, seconds: string, body: string, secret: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
}

/**
 * The job without identifiers. UIDs of a study lead to its patient, and the details of a fault may quote a header, which
 * may contain names. With its key, the receiver gets both from GET /v1/jobs/{id}.
 */
function withoutIdentifiers(job: Job) {
  const { outcomes, problem, ...view } = viewOf(job);
  return {
    ...view,
    outcomes: outcomes.map(({ reading, refused }) => ({ reading, refused: withoutDetails(refused) })),
    ...(problem && { problem: withoutDetails(problem) }),
  };
}

/** The fields of a problem that quote nothing of a film. */
const withoutDetails = (described: JobView['problem']) => {
  if (!described) return undefined;
  const { type, title, status, code, fix } = described;
  return { type, title, status, code, fix };
};

/** The result of one request: an answer, or none. */
type Sent =
  | { readonly kind: 'answered'; readonly status: number; readonly waitMs: number }
  | { readonly kind: 'unanswered'; readonly problem: string; readonly cause?: string };

async function send(url: URL, headers: Record<string, string>, body: string, signal: AbortSignal): Promise<Sent> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body,
      // A redirect could lead to a host that is not on the list.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await response.body?.cancel();
    const waitMs = response.ok ? 0 : retryAfterMs(response.headers.get('retry-after'), Date.now());
    return { kind: 'answered', status: response.status, waitMs };
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError')
      return { kind: 'unanswered', problem: `no answer within ${timeoutMs / 1000} s` };
    const { kind, code } = connectionFailureOf(error);
    return { kind: 'unanswered', problem: `the receiver ${connectionFailureTexts[kind]}`, cause: code };
  }
}

/**
 * The URL of a webhook, if it is allowed: HTTPS to a host on the tenant's list, or HTTP to such a host on this machine. A
 * host has its port, unless the port is the scheme's default.
 */
export function allowedTarget(
  tenant: string,
  text: string,
  webhooks: Webhooks | undefined,
): Result<{ readonly url: URL; readonly webhooks: Webhooks }, Fault> {
  const invalid = (problem: string) => fail<Fault>({ code: 'invalid_parameter', parameter: 'webhook', problem });
  const url = URL.parse(text);
  if (!url) return invalid('it is not an absolute URL');
  if (url.username || url.password)
    return invalid('it contains a user name or password; receivers verify the signature instead');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))
    return invalid('it must use https, or http to this machine');
  if (!webhooks?.hosts.some((host) => host.toLowerCase() === url.host))
    return fail({ code: 'webhook_not_allowed', tenant, host: url.host });
  return ok({ url, webhooks });
}
