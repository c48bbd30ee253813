import type { Instance } from '../../core/instance.ts';
import type { Vault } from '../../platform/vault.ts';
import { type ReadingStore, storedReading } from '../readings.ts';
import { openJson, sealJson } from '../sealed-json.ts';
import type { GuardedDatabase } from './guarded-database.ts';

export function embeddedReadings({ db, run }: GuardedDatabase, vault: Vault): ReadingStore {
  const select = db.prepare('SELECT reading, instance FROM readings WHERE tenant = ? AND id = ?');
  const insert = db.prepare(
    `INSERT INTO readings (tenant, id, created_at, reading, instance) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (tenant, id) DO NOTHING`,
  );
  const context = (tenant: string, id: string) => JSON.stringify(['instance', tenant, id]);
  return {
    async get(tenant, id) {
      const row = await run(() => select.get(tenant, id));
      if (!row) return undefined;
      const { instance } = row;
      return {
        reading: storedReading(JSON.parse(String(row['reading']))),
        instance: instance instanceof Uint8Array ? openJson<Instance>(vault, instance, context(tenant, id)) : null,
      };
    },
    async put(tenant, { reading, instance }) {
      const sealed = instance && sealJson(vault, instance, context(tenant, reading.id));
      const text = JSON.stringify(reading);
      await run(() => insert.run(tenant, reading.id, reading.createdAt, text, sealed));
    },
  };
}
