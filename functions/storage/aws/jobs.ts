import { hasEnded, type Job, type JobKind, type JobState, type Particulars } from '../../core/job.ts';
import type { JobStore } from '../jobs.ts';
import type { Position } from '../readings.ts';
import { type Packer, packedIn } from './overflow.ts';
import type { Found, Item, Table } from './table.ts';

/** The index that lists jobs by time: partition key `gpk`, sort key `gsk`. */
const index = 'jobs';
/**
 * The two partitions of the index. A job that changes between queued and running stays in its partition. An index follows
 * its table a moment later and moves an entry in two steps, so a list of open jobs would miss a job that moves.
 */
const open = 'jobs#open';
const ended = 'jobs#ended';

/** A note of an object that is older belongs to a process that died, because the second write follows within seconds. */
const longestWriteMs = 86_400_000;

const sortKey = ({ createdAt, id }: Position) => `${createdAt}#${id}`;

const partitionOf = (state: JobState) => (hasEnded({ state }) && state !== 'dead' ? ended : open);

/** Finished jobs expire by the table's TTL after `retentionMs`. `prune` deletes those that TTL has not reached yet. */
export function awsJobs(
  table: Table,
  { pack, settle, unpack, detach, drop, sweep }: Packer,
  retentionMs: number,
): JobStore {
  const keyOf = (id: string) => ({ pk: `job#${id}`, sk: 'job' });
  const context = (id: string) => JSON.stringify(['job', id]);

  async function toItem({ id, input, outcomes, fault, busySince, run, progress, ...plain }: Job): Promise<Item> {
    const packed = await pack({ input, outcomes, fault, busySince, run } satisfies Particulars, context(id), keyOf(id));
    return {
      ...plain,
      id,
      ...progress,
      ...packed,
      kind: input.kind,
      gpk: partitionOf(plain.state),
      gsk: sortKey({ createdAt: plain.createdAt, id }),
      // TTL would delete the item and leave its object behind.
      ...(hasEnded(plain) &&
        !('lies' in packed) && { expires: Math.ceil((Date.parse(plain.updatedAt) + retentionMs) / 1000) }),
    };
  }

  async function fromItem(item: Found): Promise<Job | undefined> {
    const { pk, sk } = item;
    const id = String(item['id']);
    const packed = packedIn(item);
    if (!packed) throw new Error(`job ${id} has no particulars`);
    const particulars = await unpack<Particulars>(packed, context(id));
    if (!particulars) {
      // Another process changed the job between the two reads.
      const now = await table.get({ pk, sk });
      if (now && now['lies'] === item['lies']) throw new Error(`the particulars of job ${id} are gone`);
      return now && fromItem(now);
    }
    return {
      id,
      tenant: String(item['tenant']),
      state: String(item['state']) as JobState,
      createdAt: String(item['createdAt']),
      updatedAt: String(item['updatedAt']),
      attempts: Number(item['attempts']),
      progress: { done: Number(item['done']), total: Number(item['total']) },
      ...particulars,
    };
  }

  /** The jobs of one partition, newest first. */
  async function* newest(
    partition: string,
    filter: Readonly<Record<string, string | undefined>>,
    after: Position | undefined,
  ) {
    const terms = Object.entries(filter).filter(([, value]) => value !== undefined);
    yield* table.query({
      IndexName: index,
      ScanIndexForward: false,
      KeyConditionExpression: after ? 'gpk = :gpk AND gsk < :gsk' : 'gpk = :gpk',
      ...(terms.length > 0 && {
        FilterExpression: terms.map(([name]) => `#${name} = :${name}`).join(' AND '),
        ExpressionAttributeNames: Object.fromEntries(terms.map(([name]) => [`#${name}`, name])),
      }),
      ExpressionAttributeValues: {
        ':gpk': partition,
        ...(after && { ':gsk': sortKey(after) }),
        ...Object.fromEntries(terms.map(([n, v]) => [`:${n}`, v])),
      },
    });
  }

  return {
    async create(job) {
      const item = await toItem(job);
      const isNew = await table.create(keyOf(job.id), item);
      await (isNew ? settle(packedIn(item)) : drop(packedIn(item)));
      return isNew;
    },
    async get(id) {
      const item = await table.get(keyOf(id));
      return item && fromItem(item);
    },
    async update(id, changed) {
      let next: Job | undefined;
      let before: Found | undefined;
      const made: Item[] = [];
      const kept = await table.change(keyOf(id), async (found) => {
        before = found;
        const job = found && (await fromItem(found));
        if (!job) return undefined;
        next = { ...changed(job), id };
        const item = await toItem(next);
        made.push(item);
        if (found) await detach(packedIn(found), found);
        return item;
      });
      // Values of writes that lost to another process, and then the previous value.
      for (const item of made) if (item !== kept) await drop(packedIn(item));
      if (!kept) return undefined;
      await settle(packedIn(kept));
      if (before) await drop(packedIn(before));
      return next;
    },
    async list({ tenant, state, kinds, after, limit }) {
      const partitions = state === undefined ? [open, ended] : [partitionOf(state)];
      const found: Found[] = [];
      // An item of an earlier release has its kind in the encrypted part only.
      const kindOf = async (item: Found) => (item['kind'] as JobKind | undefined) ?? (await fromItem(item))?.input.kind;
      for (const partition of partitions) {
        let taken = 0;
        for await (const item of newest(partition, { tenant, state }, after)) {
          const kind = kinds && (await kindOf(item));
          if (kinds && !(kind && kinds.includes(kind))) continue;
          found.push(item);
          if (++taken >= limit) break;
        }
      }
      const byTime = (item: Found) => String(item['gsk']);
      found.sort((a, b) => (byTime(a) < byTime(b) ? 1 : -1));
      const jobs = await Promise.all(found.slice(0, limit).map(fromItem));
      return jobs.filter((job) => job !== undefined);
    },
    async prune(before) {
      let pruned = 0;
      await sweep(new Date(Date.now() - longestWriteMs));
      for (const states of [['done', 'failed', 'cancelled'], ['dead']] as const) {
        const old = table.query({
          IndexName: index,
          KeyConditionExpression: 'gpk = :gpk AND gsk < :before',
          FilterExpression: `updatedAt < :before AND #state IN (${states.map((state) => `:${state}`).join()})`,
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: {
            ':gpk': partitionOf(states[0]),
            ':before': before.toISOString(),
            ...Object.fromEntries(states.map((state) => [`:${state}`, state])),
          },
        });
        for await (const item of old) {
          await detach(packedIn(item), item);
          if (!(await table.removeAs(item))) continue;
          await drop(packedIn(item));
          pruned++;
        }
      }
      return pruned;
    },
  };
}
