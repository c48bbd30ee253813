import { UsageError } from './errors.ts';

/** Check the name of a tenant, which appears unchanged in tables and addresses. */
export function tenantNamed(name: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name)) return name;
  throw new UsageError(
    `${JSON.stringify(name)} cannot be a tenant. Use up to 64 letters, digits, dots, dashes and underscores.`,
  );
}
