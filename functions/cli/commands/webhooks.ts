import type { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { tenantNamed } from '../tenant.ts';
import { withPlatform } from '../with-platform.ts';

/** `alara webhooks`: the hosts that may receive a tenant's webhooks. */
export function webhooks(program: Command): void {
  const command = program
    .command('webhooks')
    .description('Allow or deny hosts to a tenant’s webhooks, list them, or exchange the secret.');
  command
    .command('allow')
    .description('Allow a host and print the secret that signs this tenant’s webhooks.')
    .argument('<tenant>')
    .argument('<host>', 'a name or address, with its port unless that is 443; no scheme, no path')
    .addHelpText(
      'after',
      `
Webhooks are signed as Standard Webhooks says (standardwebhooks.com), with one secret a tenant; allowing a host again
prints it again.

Example:
  alara webhooks allow clinic results.clinic.example`,
    )
    .action(allow);
  command
    .command('deny')
    .description('Remove a host from the list. Unsent webhooks to it are not sent.')
    .argument('<tenant>')
    .argument('<host>', 'as ls shows it')
    .addHelpText('after', '\nExample:\n  alara webhooks deny clinic results.clinic.example')
    .action(deny);
  command
    .command('rotate')
    .description('Create a new secret and print it; the previous secret also signs for a time.')
    .argument('<tenant>')
    .option('--overlap-hours <n>', 'how long both secrets sign; 0 if the previous secret has leaked', overlap, 24)
    .addHelpText(
      'after',
      `
Each webhook then has two signatures, and its receiver takes it when one is right: give it the new secret meanwhile.

Examples:
  alara webhooks rotate clinic
  alara webhooks rotate clinic --overlap-hours 0`,
    )
    .action(rotate);
  command
    .command('ls')
    .description('List the hosts that a tenant’s webhooks may go to.')
    .argument('<tenant>')
    .addHelpText('after', '\nExample:\n  alara webhooks ls clinic')
    .action(ls);
}

async function allow(name: string, host: string): Promise<void> {
  const tenant = tenantNamed(name);
  const allowed = hostNamed(host);
  const { secret } = await withPlatform(({ access }) => access.allowWebhooks(tenant, allowed));
  process.stdout.write(`${secret}\n`);
  process.stderr.write(
    `
Webhooks of tenant ${tenant} may go to https://${allowed}. They are signed with the secret above: give it to who receives them.
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

async function deny(name: string, host: string): Promise<void> {
  const tenant = tenantNamed(name);
  const denied = hostNamed(host);
  if (!(await withPlatform(({ access }) => access.denyWebhooks(tenant, denied))))
    throw new UsageError(
      `${denied} is not allowed to webhooks of tenant ${tenant}. alara webhooks ls lists the hosts.`,
    );
  process.stdout.write(`Webhooks of tenant ${tenant} go to ${denied} no more.\n`);
}

/** One week: the longest time that a replaced secret may sign. */
const longestOverlapHours = 168;

function overlap(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= longestOverlapHours) return Number(text);
  throw new UsageError(`${JSON.stringify(text)} is not a number of hours from 0 to ${longestOverlapHours}.`);
}

async function rotate(name: string, { overlapHours }: { overlapHours: number }): Promise<void> {
  const tenant = tenantNamed(name);
  const until = new Date(Date.now() + overlapHours * 3_600_000);
  const webhooks = await withPlatform(({ access }) => access.rotateWebhooks(tenant, until));
  if (!webhooks) throw new UsageError(`tenant ${tenant} has no secret: alara webhooks allow creates it.`);
  process.stdout.write(`${webhooks.secret}\n`);
  const before =
    overlapHours > 0 ? `also with the one before, until ${until.toISOString()}` : 'no longer with the one before';
  process.stderr.write(`
Webhooks of tenant ${tenant} are signed with the secret above, and ${before}.
`);
}

async function ls(name: string): Promise<void> {
  const tenant = tenantNamed(name);
  const hosts = (await withPlatform(({ access }) => access.webhooks(tenant)))?.hosts ?? [];
  process.stdout.write(
    hosts.length > 0 ? hosts.map((host) => `${host}\n`).join('') : `Tenant ${tenant} has no webhook hosts.\n`,
  );
}
