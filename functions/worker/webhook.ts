import { createHmac } from 'node:crypto';
import type { Fault } from '../pipeline/fault.ts';
import { fail, ok, type Result } from '../pipeline/result.ts';
import type { Platform } from '../platform/platform.ts';
import { allowedTarget } from './allowed.ts';
import type { Handler } from './handler.ts';
import type { Job } from './job.ts';
import { viewOf } from './view.ts';

/** A receiver takes a webhook first and works on it later (https://www.standardwebhooks.com). */
const timeoutMs = 10_000;

/** Tells the receiver of a tenant that a job has ended, by Standard Webhooks. */
export const webhookHandler =
  ({ jobs, access }: Pick<Platform, 'jobs' | 'access'>): Handler<'webhook'> =>
  async ({ id, tenant, input }, { signal }) => {
    const [job, webhooks] = await Promise.all([jobs.get(input.job), access.webhooks(tenant)]);
    // Forgotten since: nothing is left to tell.
    if (!job) return ok([]);
    // The list may have changed since the job was asked for.
    const target = allowedTarget(input.url, webhooks);
    if (!target.ok) return target;
    const body = JSON.stringify({ type: 'job.finished', timestamp: job.updatedAt, data: { job: unidentified(job) } });
    const seconds = String(Math.floor(Date.now() / 1000));
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Alara',
      // The same on every try, so that a receiver can tell a repetition.
      'webhook-id': id,
      'webhook-timestamp': seconds,
      'webhook-signature': signatureOf(id, seconds, body, target.value.secret),
    };
    const sent = await send(target.value.url, headers, body, signal);
    return sent.ok ? ok([]) : sent;
  };

/** The `v1` signature of Standard Webhooks: HMAC-SHA256 over id, time and body under the secret's bytes. */
export function signatureOf(id: string, seconds: string, body: string, secret: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
}

/** UIDs of a study lead to its patient; the receiver asks GET /v1/jobs/{id} for them, with its key. */
function unidentified(job: Job) {
  const { outcomes, ...view } = viewOf(job);
  return { ...view, outcomes: outcomes.map(({ reading, refused }) => ({ reading, refused })) };
}

async function send(
  url: URL,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<Result<null, Fault>> {
  const failed = (problem: string) => fail<Fault>({ code: 'webhook_failed', problem });
  try {
    const response = await fetch(url, {
      ...{ method: 'POST', headers, body },
      // A redirect could lead to a host that is not on the list.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await response.body?.cancel();
    return response.ok ? ok(null) : failed(`the receiver answered ${response.status}`);
  } catch (error) {
    const { name, cause } = error as Error;
    if (name === 'TimeoutError') return failed(`no answer within ${timeoutMs / 1000} s`);
    return failed(`no connection (${cause instanceof Error && 'code' in cause ? cause.code : name})`);
  }
}
