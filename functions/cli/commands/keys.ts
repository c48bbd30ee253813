import type { Command } from 'commander';
import { type Scope, scopes } from '../../storage/access.ts';
import { UsageError } from '../errors.ts';
import { help } from '../help.ts';
import { type JsonOption, show, tell, withJson } from '../output/json.ts';
import { minute, table } from '../output/table.ts';
import { tenantNamed } from '../tenant.ts';
import { withPlatform } from '../with-platform.ts';

/** `alara keys`: create, list and revoke API keys. */
export function keys(program: Command): void {
  const command = program.command('keys').description('Create, list or revoke API keys.');
  help(command, { example: 'alara keys ls' });
  const made = command
    .command('create')
    .description('Create a key and print it once. Only the digest of the key is stored.')
    .requiredOption('--tenant <name>', 'the tenant whose readings and jobs the key may use')
    .requiredOption('--scopes <list>', `what the key may be used for, separated by commas: ${scopes.join(', ')}`);
  help(withJson(made), {
    example: 'alara keys create --tenant clinic --scopes readings,jobs',
    notes: ['Only the key is written to standard output, so a script can capture it.'],
  }).action(create);
  const list = command.command('ls').description('List the ids of keys, never the keys.');
  help(withJson(list), { example: 'alara keys ls' }).action(ls);
  const end = command
    .command('revoke')
    .description('Revoke a key. The service refuses it from the next request on.')
    .argument('<id>', 'the part between the underscores, as alara keys ls shows it');
  help(withJson(end), { example: 'alara keys revoke k7q2m4x9ab' }).action(revoke);
}

async function create({ json, ...options }: JsonOption & { tenant: string; scopes: string }): Promise<void> {
  const tenant = tenantNamed(options.tenant);
  const granted = scopesOf(options.scopes);
  const { key, apiKey } = await withPlatform(({ access }) => access.createKey(tenant, granted));
  show(json, { key, id: apiKey.id, tenant, scopes: granted, createdAt: apiKey.createdAt }, () => `${key}\n`);
  tell(
    json,
    `
This is the only time that the key is shown. Its scopes are ${granted.join(', ')}, for tenant ${tenant}.
Send it as a header:
  curl -H "Authorization: Bearer $KEY" …
Revoke it with: alara keys revoke ${apiKey.id}
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

async function ls({ json }: JsonOption): Promise<void> {
  await withPlatform(async ({ access }, place) => {
    const keys = (await access.listKeys()).map(({ id, tenant, scopes, createdAt, revokedAt }) => ({
      ...{ id, tenant, scopes, createdAt },
      ...(revokedAt !== undefined && { revokedAt }),
    }));
    const rows = keys.map(({ id, tenant, scopes, createdAt, revokedAt }) => [
      id,
      tenant,
      scopes.join(','),
      minute(createdAt),
      revokedAt === undefined ? '' : minute(revokedAt),
    ]);
    show(json, keys, () =>
      rows.length > 0
        ? table(['id', 'tenant', 'scopes', 'created', 'revoked'], rows)
        : `There are no keys in ${place}.\n`,
    );
  });
}

async function revoke(id: string, { json }: JsonOption): Promise<void> {
  const revoked = await withPlatform(({ access }) => access.revokeKey(id));
  if (!revoked) throw new UsageError(`there is no valid key with the id ${id}. alara keys ls lists the keys.`);
  show(json, { revoked: id }, () => `Key ${id} is revoked.\n`);
}
