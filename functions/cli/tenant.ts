import { readPacsConfig } from '../pacs/config.ts';
import { readConfig } from '../platform/config.ts';
import { type Access, localTenant } from '../storage/access.ts';
import { UsageError } from './errors.ts';

/** Check the name of a tenant, which appears unchanged in tables and addresses. */
export function tenantNamed(name: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name)) return name;
  throw new UsageError(
    `${JSON.stringify(name)} cannot be a tenant. Use up to 64 letters, digits, dots, dashes and underscores.`,
  );
}

/**
 * Refuse a tenant that nobody can be: no key, no PACS and no webhook setting has its name, and it is not the tenant of callers without a key.
 * A typing error would otherwise allow a host to nobody, and the webhooks of the intended tenant would fail.
 */
export async function knownTenant(access: Access, tenant: string): Promise<void> {
  const { pacs } = readConfig(process.env);
  const known = new Set([
    localTenant,
    ...(await access.listKeys()).map((key) => key.tenant),
    ...(pacs === undefined ? [] : Object.values(readPacsConfig(pacs)).map((entry) => entry.tenant)),
  ]);
  if (known.has(tenant) || (await access.webhooks(tenant))) return;
  throw new UsageError(
    `no key and no PACS has the tenant ${tenant}. Known: ${[...known].sort().join(', ')}. Create a key of a new tenant first: alara keys create.`,
  );
}
