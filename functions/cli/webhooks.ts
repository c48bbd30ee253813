import type { Command } from 'commander';
import { UsageError } from './complaint.ts';
import { tenantNamed } from './tenant.ts';
import { withPlatform } from './with-platform.ts';

/** `alara webhooks`: where a tenant's jobs may report that they have finished. */
export function webhooks(program: Command): void {
  const command = program.command('webhooks').description('Allow hosts to a tenant’s webhooks, or list them.');
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

/** A host as the URL standard writes it, so that it can be compared with a URL's. */
function hostNamed(text: string): string {
  const wrong = () =>
    new UsageError(
      `${JSON.stringify(text)} is not a host. Write results.clinic.example, or results.clinic.example:8443.`,
    );
  if (/[/\\@?#*\s]/.test(text) || !URL.canParse(`https://${text}`)) throw wrong();
  return new URL(`https://${text}`).host;
}

async function ls(name: string): Promise<void> {
  const tenant = tenantNamed(name);
  const hosts = (await withPlatform(({ access }) => access.webhooks(tenant)))?.hosts ?? [];
  process.stdout.write(
    hosts.length > 0 ? hosts.map((host) => `${host}\n`).join('') : `Tenant ${tenant} has no webhook hosts.\n`,
  );
}
