import type { Command } from 'commander';
import { isLoopback } from '../../platform/loopback.ts';
import { UsageError } from '../errors.ts';
import { help } from '../help.ts';
import { type JsonOption, show, tell, withJson } from '../output/json.ts';
import { knownTenant, tenantNamed } from '../tenant.ts';
import { withPlatform } from '../with-platform.ts';

/** `alara webhooks`: the hosts that may receive a tenant's webhooks. */
export function webhooks(program: Command): void {
  const command = program
    .command('webhooks')
    .description('Allow or deny hosts to a tenant’s webhooks, list them, or exchange the secret.');
  help(command, { example: 'alara webhooks ls clinic' });
  const allowed = command
    .command('allow')
    .description('Allow a host and print the secret that signs this tenant’s webhooks.')
    .argument('<tenant>', 'a tenant that has a key or a PACS; local: the caller without a key')
    .argument('<host>', 'a name or an address, with its port unless that is 443; no scheme, no path');
  help(withJson(allowed), {
    example: 'alara webhooks allow clinic results.clinic.example',
    notes: [
      'Webhooks are signed as Standard Webhooks says (standardwebhooks.com), with one secret per tenant. Allowing another host prints the same secret.',
    ],
  }).action(allow);
  const denied = command
    .command('deny')
    .description('Remove a host from the list. Webhooks to it that are not sent yet are not sent.')
    .argument('<tenant>', 'the tenant')
    .argument('<host>', 'the host, as alara webhooks ls shows it');
  help(withJson(denied), { example: 'alara webhooks deny clinic results.clinic.example' }).action(deny);
  const rotated = command
    .command('rotate')
    .description('Create a new secret and print it. The previous secret also signs for a time.')
    .argument('<tenant>', 'the tenant')
    .option(
      '--overlap-hours <n>',
      'hours for which both secrets sign; 0 if the previous secret has leaked',
      overlap,
      24,
    );
  help(withJson(rotated), {
    example: 'alara webhooks rotate clinic',
    notes: [
      'During the overlap each webhook has two signatures, and its receiver accepts the webhook when one is valid. Give the receiver the new secret in that time.',
    ],
  }).action(rotate);
  const list = command
    .command('ls')
    .description('List the hosts to which a tenant’s webhooks may go.')
    .argument('<tenant>', 'the tenant');
  help(withJson(list), { example: 'alara webhooks ls clinic' }).action(ls);
}

async function allow(name: string, host: string, { json }: JsonOption): Promise<void> {
  const tenant = tenantNamed(name);
  const allowed = hostNamed(host);
  const { secret, hosts } = await withPlatform(async ({ access }) => {
    await knownTenant(access, tenant);
    return access.allowWebhooks(tenant, allowed);
  });
  show(json, { tenant, hosts, secret }, () => `${secret}\n`);
  const scheme = isLoopback(new URL(`https://${allowed}`).hostname) ? 'http or https' : 'https';
  tell(
    json,
    `
Webhooks of tenant ${tenant} may go to ${allowed} by ${scheme}.
The secret above signs them: give it to the receiver.
`,
  );
}

/** A host in the normal form of the URL standard, for comparison with the host of a URL. */
function hostNamed(text: string): string {
  const wrong = () =>
    new UsageError(
      `${JSON.stringify(text)} is not a host. Write results.clinic.example, or results.clinic.example:8443.`,
    );
  if (/[/\\@?#*\s]/.test(text) || !URL.canParse(`https://${text}`)) throw wrong();
  return new URL(`https://${text}`).host;
}

async function deny(name: string, host: string, { json }: JsonOption): Promise<void> {
  const tenant = tenantNamed(name);
  const denied = hostNamed(host);
  const isRemoved = await withPlatform(async ({ access }) => {
    await knownTenant(access, tenant);
    return access.denyWebhooks(tenant, denied);
  });
  if (!isRemoved)
    throw new UsageError(
      `${denied} is not allowed to webhooks of tenant ${tenant}. alara webhooks ls lists the hosts.`,
    );
  show(json, { tenant, denied }, () => `Webhooks of tenant ${tenant} go to ${denied} no more.\n`);
}

/** One week: the longest time that a replaced secret may sign. */
const longestOverlapHours = 168;

function overlap(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= longestOverlapHours) return Number(text);
  throw new UsageError(`${JSON.stringify(text)} is not a number of hours from 0 to ${longestOverlapHours}.`);
}

async function rotate(name: string, { overlapHours, json }: JsonOption & { overlapHours: number }): Promise<void> {
  const tenant = tenantNamed(name);
  const until = new Date(Date.now() + overlapHours * 3_600_000);
  const webhooks = await withPlatform(async ({ access }) => {
    await knownTenant(access, tenant);
    return access.rotateWebhooks(tenant, until);
  });
  if (!webhooks) throw new UsageError(`tenant ${tenant} has no secret: alara webhooks allow creates it.`);
  const previousUntil = overlapHours > 0 ? until.toISOString() : undefined;
  show(
    json,
    { tenant, secret: webhooks.secret, ...(previousUntil && { previousUntil }) },
    () => `${webhooks.secret}\n`,
  );
  const before = previousUntil ? `also with the one before, until ${previousUntil}` : 'no longer with the one before';
  tell(json, `\nWebhooks of tenant ${tenant} are signed with the secret above,\nand ${before}.\n`);
}

async function ls(name: string, { json }: JsonOption): Promise<void> {
  const tenant = tenantNamed(name);
  const hosts = await withPlatform(async ({ access }) => {
    await knownTenant(access, tenant);
    return (await access.webhooks(tenant))?.hosts ?? [];
  });
  show(json, hosts, () =>
    hosts.length > 0 ? hosts.map((host) => `${host}\n`).join('') : `Tenant ${tenant} has no webhook hosts.\n`,
  );
}
