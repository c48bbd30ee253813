import type { Instance } from '../../core/instance.ts';
import { openJson, sealJson, type Vault } from '../../platform/vault.ts';
import { type ReadingStore, storedReading } from '../readings.ts';
import type { GuardedDatabase } from './guarded-database.ts';

export function embeddedReadings({ db, run }: GuardedDatabase, vault: Vault): ReadingStore {
  const select = db.prepare('SELECT reading, instance FROM readings WHERE tenant = ? AND id = ?');
  const insert = db.prepare(
    `INSERT INTO readings (tenant, id, created_at, reading, instance) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (tenant, id) DO NOTHING`,
  );
  const newest = db.prepare(
    `SELECT reading FROM readings WHERE tenant = :tenant
       AND (:from IS NULL OR created_at >= :from) AND (:to IS NULL OR created_at < :to)
       AND (:createdAt IS NULL OR (created_at, id) < (:createdAt, :id))
     ORDER BY created_at DESC, id DESC LIMIT :limit`,
  );
  const remove = db.prepare('DELETE FROM readings WHERE tenant = ? AND id = ?');
  const context = (tenant: string, id: string) => JSON.stringify(['instance', tenant, id]);
  async function get(tenant: string, id: string) {
    const row = await run(() => select.get(tenant, id));
    if (!row) return undefined;
    const { instance } = row;
    return {
      reading: storedReading(JSON.parse(String(row['reading']))),
      instance: instance instanceof Uint8Array ? openJson<Instance>(vault, instance, context(tenant, id)) : null,
    };
  }
  return {
    get,
    async put(tenant, { reading, instance }) {
      const sealed = instance && sealJson(vault, instance, context(tenant, reading.id));
      const text = JSON.stringify(reading);
      const { changes } = await run(() => insert.run(tenant, reading.id, reading.createdAt, text, sealed));
      return changes === 0 ? get(tenant, reading.id) : undefined;
    },
    async list(tenant, { from = null, to = null, after, limit }) {
      const { createdAt = null, id = null } = after ?? {};
      const rows = await run(() => newest.all({ tenant, from, to, createdAt, id, limit }));
      return rows.map((row) => storedReading(JSON.parse(String(row['reading']))));
    },
    remove: (tenant, id) => run(() => remove.run(tenant, id).changes === 1),
  };
}
