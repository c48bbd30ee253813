import { type Refusal, type RefusalStore, refusalLifeMs } from '../refusals.ts';
import { type Packer, packedIn } from './overflow.ts';
import type { Table } from './table.ts';

/** Expire by the table's TTL, which may come to an item a while later. */
export function awsRefusals(table: Table, { pack, unpack, drop }: Packer): RefusalStore {
  const keyOf = (id: string) => ({ pk: `refusals#${id}`, sk: 'refusals' });
  const context = (id: string) => JSON.stringify(['refusals', id]);
  return {
    async get(id) {
      const item = await table.get(keyOf(id));
      const packed = item && packedIn(item);
      if (!packed || Number(item['expires']) * 1000 <= Date.now()) return [];
      return (await unpack<Refusal[]>(packed, context(id))) ?? [];
    },
    async put(id, refusals) {
      const packed = await pack(refusals, context(id), keyOf(id));
      // TTL would leave an object behind that nothing points to; a study of that many refused films is looked at again.
      if ('lies' in packed) return drop(packed);
      const expires = Math.ceil((Date.now() + refusalLifeMs) / 1000);
      await table.change(keyOf(id), () => ({ ...packed, expires }));
    },
  };
}
