import type { Access, ApiKey, Scope, Secrets } from '../access.ts';
import { hashKey, idOf, isKey, makeKey, makeWebhookSecret, rotatedSecrets, secretsOf } from '../api-keys.ts';
import { type Packer, packedIn } from './overflow.ts';
import type { Found, Table } from './table.ts';

export function awsAccess(table: Table, { pack, unpack }: Packer): Access {
  const ofKey = (id: string) => ({ pk: 'keys', sk: id });
  const ofTenant = (tenant: string) => ({ pk: 'webhooks', sk: tenant });
  const context = (tenant: string) => JSON.stringify(['webhook secret', tenant]);

  async function webhooksOf(tenant: string, item: Readonly<Record<string, unknown>>) {
    const packed = packedIn(item);
    const kept = packed && (await unpack<string | Secrets>(packed, context(tenant)));
    if (kept === undefined) throw new Error('webhooks have a secret');
    return { hosts: hostsOf(item), ...secretsOf(kept) };
  }

  return {
    async createKey(tenant, scopes) {
      const key = makeKey();
      const apiKey: ApiKey = { id: idOf(key), tenant, scopes, createdAt: new Date().toISOString() };
      const { id, ...rest } = apiKey;
      if (!(await table.create(ofKey(id), { ...rest, digest: hashKey(key) })))
        throw new Error('a key with this id is there already');
      return { key, apiKey };
    },
    async check(key) {
      const id = idOf(key);
      const item = id === '' ? undefined : await table.get(ofKey(id));
      const digest = item?.['digest'];
      if (!item || item['revokedAt'] !== undefined || !(digest instanceof Uint8Array)) return undefined;
      return isKey(key, digest) ? apiKeyOf(item) : undefined;
    },
    async listKeys() {
      const keys: ApiKey[] = [];
      const all = { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': 'keys' } };
      for await (const item of table.query({ ...all, ConsistentRead: true })) keys.push(apiKeyOf(item));
      return keys.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    },
    async revokeKey(id) {
      if (id === '') return false;
      const revokedAt = new Date().toISOString();
      const revoked = await table.change(ofKey(id), (found) =>
        found && found['revokedAt'] === undefined ? { ...found, revokedAt } : undefined,
      );
      return revoked !== undefined;
    },
    async allowWebhooks(tenant, host) {
      const allowed = await table.change(ofTenant(tenant), async (found) => {
        if (!found) return { hosts: [host], ...(await pack(makeWebhookSecret(), context(tenant), ofTenant(tenant))) };
        const hosts = hostsOf(found);
        return hosts.includes(host) ? found : { ...found, hosts: [...hosts, host] };
      });
      if (!allowed) throw new Error('a secret was just made');
      return webhooksOf(tenant, allowed);
    },
    async denyWebhooks(tenant, host) {
      const denied = await table.change(ofTenant(tenant), (found) => {
        const hosts = found ? hostsOf(found) : [];
        return found && hosts.includes(host) ? { ...found, hosts: hosts.filter((one) => one !== host) } : undefined;
      });
      return denied !== undefined;
    },
    async rotateWebhooks(tenant, previousUntil) {
      const changed = await table.change(ofTenant(tenant), async (found) => {
        if (!found) return undefined;
        const known = await webhooksOf(tenant, found);
        return {
          hosts: known.hosts,
          ...(await pack(rotatedSecrets(known, previousUntil), context(tenant), ofTenant(tenant))),
        };
      });
      return changed && webhooksOf(tenant, changed);
    },
    async webhooks(tenant) {
      const item = await table.get(ofTenant(tenant));
      return item && webhooksOf(tenant, item);
    },
  };
}

const hostsOf = (item: Readonly<Record<string, unknown>>) => (item['hosts'] as readonly string[]).map(String);

const apiKeyOf = (item: Found): ApiKey => ({
  id: item.sk,
  tenant: String(item['tenant']),
  scopes: item['scopes'] as Scope[],
  createdAt: String(item['createdAt']),
  ...(item['revokedAt'] !== undefined && { revokedAt: String(item['revokedAt']) }),
});
