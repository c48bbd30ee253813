import type { Cursors } from '../cursors.ts';
import type { Table } from './table.ts';

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
