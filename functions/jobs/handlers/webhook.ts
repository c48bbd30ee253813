import { createHmac } from 'node:crypto';
import type { Fault } from '../../core/fault.ts';
import type { Job } from '../../core/job.ts';
import { type JobView, viewOf } from '../../core/job-view.ts';
import { fail, ok } from '../../core/result.ts';
import { ms } from '../../core/units.ts';
import type { Webhooks } from '../../storage/access.ts';
import type { Platform } from '../../storage/platform.ts';
import type { Handler } from '../handler.ts';
import type { WebhookTurns } from './webhook-limits.ts';
import { allowedTarget } from './webhook-target.ts';

/** A receiver takes a webhook first and works on it later (https://www.standardwebhooks.com). */
const timeoutMs = 10_000;

/** Tells the receiver of a tenant that a job has ended, by Standard Webhooks. */
export const webhookHandler =
  ({ jobs, access }: Pick<Platform, 'jobs' | 'access'>, turns: WebhookTurns): Handler<'webhook'> =>
  async ({ id, tenant, input }, { signal }) => {
    const [job, webhooks] = await Promise.all([jobs.get(input.job), access.webhooks(tenant)]);
    // Forgotten since: nothing is left to tell.
    if (!job) return ok([]);
    // The list may have changed since the job was asked for.
    const target = allowedTarget(input.url, webhooks);
    if (!target.ok) return target;
    const turn = turns.enter(target.value.url.origin, tenant);
    // Not tried, so not counted: other webhooks are in flight.
    if (turn.kind === 'full') return fail({ code: 'queue_full', retryAfterMs: ms(turn.waitMs) });
    if (turn.kind === 'closed')
      return fail({
        ...{ code: 'webhook_failed', waitMs: ms(turn.waitMs) },
        problem: 'the receiver did not answer lately and is left alone for a while',
      });
    const body = JSON.stringify({ type: 'job.finished', timestamp: job.updatedAt, data: { job: unidentified(job) } });
    const seconds = String(Math.floor(Date.now() / 1000));
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Alara',
      // The same on every try, so that a receiver can tell a repetition.
      'webhook-id': id,
      'webhook-timestamp': seconds,
      'webhook-signature': secretsInForce(target.value.webhooks)
        .map((secret) => signatureOf(id, seconds, body, secret))
        .join(' '),
    };
    const sent = await send(target.value.url, headers, body, signal);
    const waitMs = sent.kind === 'answered' ? sent.waitMs : 0;
    turn.leave(sent.kind === 'answered' ? { answered: true, notBeforeMs: waitMs } : { answered: false });
    const fault = faultOf(sent);
    return fault ? fail(fault) : ok([]);
  };

/** The newest first: a receiver takes a webhook when one of its signatures is right. */
const secretsInForce = ({ secret, previous }: Webhooks): readonly string[] =>
  previous && Date.parse(previous.until) > Date.now() ? [secret, previous.secret] : [secret];

/**
 * Why a webhook was not taken. No answer, an error of the receiver's own and a request to wait pass as an outage does; any
 * other refusal is tried a few times, because a receiver that is being exchanged answers so for minutes; 410 is final.
 */
function faultOf(sent: Sent): Fault | undefined {
  if (sent.kind === 'silent') return { code: 'webhook_failed', problem: sent.problem };
  const { status, waitMs } = sent;
  const problem = `the receiver answered ${status}`;
  if (status >= 200 && status < 300) return undefined;
  if (status === 410) return { code: 'webhook_gone' };
  if (status >= 500 || [408, 425, 429].includes(status))
    return { code: 'webhook_failed', problem, ...(waitMs > 0 && { waitMs: ms(waitMs) }) };
  return { code: 'webhook_refused', problem };
}

/** A receiver is left alone no longer than this, whatever it asks for. */
const longestWaitMs = 3_600_000;

/**
 * What Retry-After asks for, in seconds or as a date (RFC 9110 10.2.3). Some receivers send a fraction, which `Date.parse` takes
 * for a month and a day.
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
 * UIDs of a study lead to its patient, and what a fault carries may be text of a header, where names are written as well:
 * the receiver asks GET /v1/jobs/{id} for both, with its key.
 */
function unidentified(job: Job) {
  const { outcomes, problem, ...view } = viewOf(job);
  return {
    ...view,
    outcomes: outcomes.map(({ reading, refused }) => ({ reading, refused: named(refused) })),
    ...(problem && { problem: named(problem) }),
  };
}

/** What happened, by its code, without what it happened to. */
const named = (described: JobView['problem']) => {
  if (!described) return undefined;
  const { type, title, status, code, fix } = described;
  return { type, title, status, code, fix };
};

/** What came of it: an answer, or none. */
type Sent =
  | { readonly kind: 'answered'; readonly status: number; readonly waitMs: number }
  | { readonly kind: 'silent'; readonly problem: string };

async function send(url: URL, headers: Record<string, string>, body: string, signal: AbortSignal): Promise<Sent> {
  const silent = (problem: string): Sent => ({ kind: 'silent', problem });
  try {
    const response = await fetch(url, {
      ...{ method: 'POST', headers, body },
      // A redirect could lead to a host that is not on the list.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await response.body?.cancel();
    const waitMs = response.ok ? 0 : retryAfterMs(response.headers.get('retry-after'), Date.now());
    return { kind: 'answered', status: response.status, waitMs };
  } catch (error) {
    const { name, cause } = error as Error;
    if (name === 'TimeoutError') return silent(`no answer within ${timeoutMs / 1000} s`);
    return silent(`no connection (${cause instanceof Error && 'code' in cause ? cause.code : name})`);
  }
}
