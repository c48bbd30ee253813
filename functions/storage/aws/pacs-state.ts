import { type Cursors, type FilmOutcome, type FilmOutcomeStore, filmOutcomeLifeMs } from '../pacs-state.ts';
import { type Packer, packedIn } from './overflow.ts';
import type { Table } from './table.ts';

/** Items expire by the table's TTL, which may delete them some days late. */
export function awsFilmOutcomes(table: Table, { pack, unpack, drop }: Packer): FilmOutcomeStore {
  // The keys were named when they held refused films only.
  const keyOf = (id: string) => ({ pk: `refusals#${id}`, sk: 'refusals' });
  const context = (id: string) => JSON.stringify(['refusals', id]);
  return {
    async get(id) {
      const item = await table.get(keyOf(id));
      const packed = item && packedIn(item);
      if (!packed || Number(item['expires']) * 1000 <= Date.now()) return [];
      return (await unpack<FilmOutcome[]>(packed, context(id))) ?? [];
    },
    async put(id, outcomes) {
      const packed = await pack(outcomes, context(id), keyOf(id));
      // TTL would leave the object behind. Without a record, a study with that many films is read again.
      if ('lies' in packed) return drop(packed);
      const expires = Math.ceil((Date.now() + filmOutcomeLifeMs) / 1000);
      await table.change(keyOf(id), () => ({ ...packed, expires }));
    },
  };
}

export function awsCursors(table: Table): Cursors {
  const keyOf = (name: string) => ({ pk: 'cursors', sk: name });
  return {
    async get(name) {
      const value = (await table.get(keyOf(name)))?.['value'];
      return value === undefined ? undefined : String(value);
    },
    async move(name, from, to) {
      const moved = await table.change(keyOf(name), (found) => (found?.['value'] === from ? { value: to } : undefined));
      return moved !== undefined;
    },
  };
}
