import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { isLoopback } from '../../platform/loopback.ts';
import type { Webhooks } from '../../storage/access.ts';

/**
 * Where a webhook may go: to a host on the tenant's list, with its port unless that is the usual one, by https; by http
 * to this machine only.
 */
export function allowedTarget(
  text: string,
  webhooks: Webhooks | undefined,
): Result<{ readonly url: URL; readonly webhooks: Webhooks }, Fault> {
  const wrong = (problem: string) => fail<Fault>({ code: 'invalid_parameter', parameter: 'webhook', problem });
  const url = URL.parse(text);
  if (!url) return wrong('it is not an absolute URL');
  if (url.username || url.password)
    return wrong('it holds a user name or password; the signature is what proves who sends');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))
    return wrong('only https is used, and http to this machine');
  if (!webhooks?.hosts.some((host) => host.toLowerCase() === url.host))
    return fail({ code: 'webhook_not_allowed', host: url.host });
  return ok({ url, webhooks });
}
