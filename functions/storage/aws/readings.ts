import type { Read } from '../../reading/read.ts';
import { type ReadingStore, storedReading } from '../readings.ts';
import { type Packer, packedIn } from './overflow.ts';
import type { Table } from './table.ts';

export function awsReadings(table: Table, { pack, settle, unpack, drop }: Packer): ReadingStore {
  const keyOf = (tenant: string, id: string) => ({ pk: `reading#${JSON.stringify([tenant, id])}`, sk: 'reading' });
  const context = (tenant: string, id: string) => JSON.stringify(['reading', tenant, id]);
  return {
    async get(tenant, id) {
      const item = await table.get(keyOf(tenant, id));
      const packed = item && packedIn(item);
      const read = packed && (await unpack<Read>(packed, context(tenant, id)));
      return read && { ...read, reading: storedReading(read.reading) };
    },
    async put(tenant, read) {
      const { id, createdAt } = read.reading;
      if (await table.get(keyOf(tenant, id))) return;
      const packed = await pack(read, context(tenant, id), keyOf(tenant, id));
      const isNew = await table.create(keyOf(tenant, id), { createdAt, ...packed });
      await (isNew ? settle(packed) : drop(packed));
    },
  };
}
