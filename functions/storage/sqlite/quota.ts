import { statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';
import { QuotaExceeded } from '../blobs.ts';

export type Limits = {
  /** Bytes of films that one tenant may store. */
  readonly quotaBytes: number;
  /** Bytes of the disk that films leave free for the database. */
  readonly floorBytes: number;
};

/** The default of the free space: 5 % of the disk, 1 GB at most. */
export function usualFloor(folder: string): number {
  const { blocks, bsize } = statfsSync(folder);
  return Math.min(1e9, Math.floor((blocks * bsize) / 20));
}

/** The smallest space that a file takes. */
const blockBytes = 4096;
/** The free space is checked each time that this many bytes have arrived. */
const stepBytes = 2 ** 20;

const chargeOf = (bytes: number) => Math.max(blockBytes, bytes);

/** Counts films per tenant, and checks the free space while they are written. */
export function createQuota(db: DatabaseSync, folder: string, { quotaBytes, floorBytes }: Limits) {
  const sum = db.prepare('SELECT coalesce(sum(bytes), 0) AS bytes FROM held WHERE tenant = ? AND name <> ?');
  const insert = db.prepare('INSERT OR REPLACE INTO held (name, tenant, bytes) VALUES (?, ?, ?)');
  const drop = db.prepare('DELETE FROM held WHERE name = ?');
  const names = db.prepare('SELECT name FROM held');
  /** Bytes per tenant that this process is writing. */
  const arriving = new Map<string, number>();

  const heldBy = (tenant: string, name: string) => Number(sum.get(tenant, name)?.['bytes']);
  const isOver = (bytes: number) => bytes > quotaBytes;

  async function requireSpace(): Promise<void> {
    if (floorBytes <= 0) return;
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < floorBytes)
      throw new StoreUnavailable('the disk of the store has less free space than ALARA_FREE_MB', {
        code: 'FREE_SPACE_FLOOR',
      });
  }

  return {
    /** Pass the bytes of a film through while there is space. `held`: bytes that the tenant has stored before. */
    async *admit(tenant: string, held: number, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      let total = 0;
      let checkedAt = Number.NEGATIVE_INFINITY;
      const count = (step: number) => {
        const left = (arriving.get(tenant) ?? 0) + step;
        if (left === 0) arriving.delete(tenant);
        else arriving.set(tenant, left);
      };
      try {
        await requireSpace();
        for await (const chunk of bytes) {
          total += chunk.length;
          count(chunk.length);
          if (isOver(held + (arriving.get(tenant) ?? 0))) throw new QuotaExceeded(quotaBytes);
          if (total - checkedAt >= stepBytes) {
            await requireSpace();
            checkedAt = total;
          }
          yield chunk;
        }
      } finally {
        count(-total);
      }
    },
    heldBy,
    /** Count a complete film. Call this method in the transaction that publishes the film. */
    add(tenant: string, name: string, bytes: number): void {
      if (isOver(heldBy(tenant, name) + chargeOf(bytes))) throw new QuotaExceeded(quotaBytes);
      insert.run(name, tenant, chargeOf(bytes));
    },
    drop: (name: string): void => void drop.run(name),
    names: (): string[] => names.all().map((row) => String(row['name'])),
  };
}
