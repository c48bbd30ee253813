import type { FilmReading } from '../../reading/read.ts';
import { type Position, type ReadingStore, storedReading } from '../readings.ts';
import { type Packer, packedIn } from './overflow.ts';
import type { Found, Table } from './table.ts';

/** The index that lists jobs, which lists readings too. Each tenant has a partition of its own. */
const index = 'jobs';
const sortKey = ({ createdAt, id }: Position) => `${createdAt}#${id}`;
/** Times start with a digit. The colon follows the digits in ASCII. */
const [beforeAll, afterAll] = ['0', ':'];

export function awsReadings(table: Table, { pack, settle, unpack, detach, drop }: Packer): ReadingStore {
  const keyOf = (tenant: string, id: string) => ({ pk: `reading#${JSON.stringify([tenant, id])}`, sk: 'reading' });
  const partitionOf = (tenant: string) => `readings#${JSON.stringify([tenant])}`;
  const context = (tenant: string, id: string) => JSON.stringify(['reading', tenant, id]);

  async function readOf(tenant: string, id: string, item: Found | undefined): Promise<FilmReading | undefined> {
    const packed = item && packedIn(item);
    const read = packed && (await unpack<FilmReading>(packed, context(tenant, id)));
    return read && { ...read, reading: storedReading(read.reading) };
  }

  const get = async (tenant: string, id: string) => readOf(tenant, id, await table.get(keyOf(tenant, id)));

  return {
    get,
    async put(tenant, read) {
      const { id, createdAt } = read.reading;
      const earlier = await get(tenant, id);
      if (earlier) return earlier;
      const packed = await pack(read, context(tenant, id), keyOf(tenant, id));
      const isNew = await table.create(keyOf(tenant, id), {
        createdAt,
        id,
        ...packed,
        gpk: partitionOf(tenant),
        gsk: sortKey({ createdAt, id }),
      });
      await (isNew ? settle(packed) : drop(packed));
      return isNew ? undefined : get(tenant, id);
    },
    async list(tenant, { from = beforeAll, to = afterAll, after, limit }) {
      const behind = after ? sortKey(after) : afterAll;
      const [high = to] = [behind, to].toSorted();
      if (from > high) return [];
      const items = table.query({
        IndexName: index,
        ScanIndexForward: false,
        KeyConditionExpression: 'gpk = :gpk AND gsk BETWEEN :low AND :high',
        ExpressionAttributeValues: { ':gpk': partitionOf(tenant), ':low': from, ':high': high },
      });
      const found: Found[] = [];
      for await (const item of items) {
        // BETWEEN includes the position itself.
        if (item['gsk'] !== behind) found.push(item);
        if (found.length >= limit) break;
      }
      const reads = await Promise.all(found.map((item) => readOf(tenant, String(item['id']), item)));
      return reads.flatMap((read) => (read ? [read.reading] : []));
    },
    async remove(tenant, id) {
      const found = await table.get(keyOf(tenant, id));
      if (!found) return false;
      await detach(packedIn(found), found);
      const isRemoved = await table.removeAs(found);
      if (isRemoved) await drop(packedIn(found));
      return isRemoved;
    },
  };
}
