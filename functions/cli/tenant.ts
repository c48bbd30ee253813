import { UsageError } from './errors.ts';

/** A tenant's name, which stands in tables and addresses as it is. */
export function tenantNamed(name: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name)) return name;
  throw new UsageError(
    `${JSON.stringify(name)} cannot be a tenant. Use up to 64 letters, digits, dots, dashes and underscores.`,
  );
}
