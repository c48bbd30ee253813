import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { isLoopback } from '../../platform/loopback.ts';
import type { Webhooks } from '../../storage/access.ts';

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
