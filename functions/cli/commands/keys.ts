import type { Command } from 'commander';
import { type Scope, scopes } from '../../storage/access.ts';
import { UsageError } from '../errors.ts';
import { table } from '../output/table.ts';
import { tenantNamed } from '../tenant.ts';
import { withPlatform } from '../with-platform.ts';

/** `alara keys`: create, list and revoke API keys. */
export function keys(program: Command): void {
  const command = program.command('keys').description('Create, list or revoke API keys.');
  command
    .command('create')
    .description('Create a key and print it once: only its digest is stored.')
    .requiredOption('--tenant <name>', 'whose readings and jobs it opens')
    .requiredOption('--scopes <list>', `what it may be used for: ${scopes.join(', ')}, separated by commas`)
    .addHelpText(
      'after',
      `
The key alone goes to standard output, so a script can take it.

Examples:
  alara keys create --tenant clinic --scopes readings,jobs
  KEY=$(alara keys create --tenant clinic --scopes pacs)`,
    )
    .action(create);
  command
    .command('ls')
    .description('List the ids of keys, never the keys.')
    .addHelpText('after', '\nExample:\n  alara keys ls')
    .action(ls);
  command
    .command('revoke')
    .description('Revoke a key: it is refused from the next request on.')
    .argument('<id>', 'the part between the underscores, as ls shows it')
    .addHelpText('after', '\nExample:\n  alara keys revoke k7q2m4x9ab')
    .action(revoke);
}

async function create(options: { tenant: string; scopes: string }): Promise<void> {
  const tenant = tenantNamed(options.tenant);
  const granted = scopesOf(options.scopes);
  const { key, apiKey } = await withPlatform(({ access }) => access.createKey(tenant, granted));
  process.stdout.write(`${key}\n`);
  process.stderr.write(
    `
This is the only time that the key is shown. It opens ${granted.join(', ')} for tenant ${tenant}. Send it as a header:
  curl -H "Authorization: Bearer $KEY" …
Take it back with: alara keys revoke ${apiKey.id}
`,
  );
}

function scopesOf(list: string): Scope[] {
  const named = list.split(',').map((name) => name.trim());
  const unknown = named.find((name) => !scopes.some((scope) => scope === name));
  if (unknown !== undefined)
    throw new UsageError(`${JSON.stringify(unknown)} is not a scope. Choose from: ${scopes.join(', ')}.`);
  return scopes.filter((scope) => named.includes(scope));
}

async function ls(): Promise<void> {
  await withPlatform(async ({ access }, folder) => {
    const rows = (await access.listKeys()).map(({ id, tenant, scopes, createdAt, revokedAt }) => [
      id,
      tenant,
      scopes.join(','),
      createdAt,
      revokedAt ?? '',
    ]);
    process.stdout.write(
      rows.length > 0
        ? table(['id', 'tenant', 'scopes', 'created', 'revoked'], rows)
        : `There are no keys in ${folder}.\n`,
    );
  });
}

async function revoke(id: string): Promise<void> {
  const revoked = await withPlatform(({ access }) => access.revokeKey(id));
  if (!revoked) throw new UsageError(`no key ${id} is valid. alara keys ls lists them.`);
  process.stdout.write(`Key ${id} is revoked.\n`);
}
