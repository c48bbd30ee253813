import type { SQLOutputValue } from 'node:sqlite';
import { openJson, sealJson, type Vault } from '../../platform/vault.ts';
import type { Access, ApiKey, Scope, Secrets } from '../access.ts';
import { hashKey, idOf, isKey, makeKey, makeWebhookSecret, rotatedSecrets, secretsOf } from '../api-keys.ts';
import { transaction } from './database.ts';
import type { GuardedDatabase } from './guarded-database.ts';

export function embeddedAccess({ db, run }: GuardedDatabase, vault: Vault): Access {
  const insert = db.prepare(
    `INSERT INTO api_keys (id, tenant, scopes, digest, created_at)
     VALUES (:id, :tenant, :scopes, :digest, :createdAt)`,
  );
  const select = db.prepare('SELECT * FROM api_keys WHERE id = ? AND revoked_at IS NULL');
  const all = db.prepare('SELECT * FROM api_keys ORDER BY created_at, rowid');
  const revoke = db.prepare('UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL');

  const addSecret = db.prepare(
    'INSERT INTO webhook_secrets (tenant, secret) VALUES (?, ?) ON CONFLICT (tenant) DO NOTHING',
  );
  const secretOf = db.prepare('SELECT secret FROM webhook_secrets WHERE tenant = ?');
  const addHost = db.prepare('INSERT INTO webhook_hosts (tenant, host) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const removeHost = db.prepare('DELETE FROM webhook_hosts WHERE tenant = ? AND host = ?');
  const changeSecret = db.prepare('UPDATE webhook_secrets SET secret = ? WHERE tenant = ?');
  const hostsOf = db.prepare('SELECT host FROM webhook_hosts WHERE tenant = ? ORDER BY rowid');
  const context = (tenant: string) => JSON.stringify(['webhook secret', tenant]);

  function webhooks(tenant: string) {
    const secret = secretOf.get(tenant)?.['secret'];
    if (!(secret instanceof Uint8Array)) return undefined;
    return {
      hosts: hostsOf.all(tenant).map((row) => String(row['host'])),
      ...secretsOf(openJson<string | Secrets>(vault, secret, context(tenant))),
    };
  }

  return {
    async createKey(tenant, scopes) {
      const key = makeKey();
      const apiKey: ApiKey = { id: idOf(key), tenant, scopes, createdAt: new Date().toISOString() };
      await run(() => insert.run({ ...apiKey, scopes: JSON.stringify(scopes), digest: hashKey(key) }));
      return { key, apiKey };
    },
    async check(key) {
      const row = await run(() => select.get(idOf(key)));
      const digest = row?.['digest'];
      return row && digest instanceof Uint8Array && isKey(key, digest) ? apiKeyOf(row) : undefined;
    },
    listKeys: () => run(() => all.all().map(apiKeyOf)),
    revokeKey: (id) => run(() => revoke.run(new Date().toISOString(), id).changes === 1),
    allowWebhooks(tenant, host) {
      const work = () => {
        addSecret.run(tenant, sealJson(vault, makeWebhookSecret(), context(tenant)));
        addHost.run(tenant, host);
        const allowed = webhooks(tenant);
        if (!allowed) throw new Error('a secret was just made');
        return allowed;
      };
      return run(() => transaction(db, work));
    },
    denyWebhooks: (tenant, host) => run(() => removeHost.run(tenant, host).changes === 1),
    rotateWebhooks(tenant, previousUntil) {
      const work = () => {
        const known = webhooks(tenant);
        if (known) changeSecret.run(sealJson(vault, rotatedSecrets(known, previousUntil), context(tenant)), tenant);
        return webhooks(tenant);
      };
      return run(() => transaction(db, work));
    },
    webhooks: (tenant) => run(() => webhooks(tenant)),
  };
}

const apiKeyOf = (row: Record<string, SQLOutputValue>): ApiKey => ({
  id: String(row['id']),
  tenant: String(row['tenant']),
  scopes: JSON.parse(String(row['scopes'])) as Scope[],
  createdAt: String(row['created_at']),
  ...(row['revoked_at'] !== null && { revokedAt: String(row['revoked_at']) }),
});
