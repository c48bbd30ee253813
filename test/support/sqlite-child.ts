import { StoreUnavailable } from '../../functions/platform/store-unavailable.ts';
import type { Platform } from '../../functions/storage/platform.ts';
import { openEmbedded } from '../../functions/storage/sqlite/open-sqlite.ts';
import { instance, job, reading } from './storage-contract/samples.ts';
import { stream } from './storage-contract/streams.ts';

// A process that works on a folder: node child.ts ROLE FOLDER. It prints each confirmed operation.

const codeOf = (error: unknown) => (error instanceof StoreUnavailable ? error.code : String(error));

const say = (text: string) => process.stdout.write(`${text}\n`);

const roles: Record<string, (platform: Platform) => Promise<void>> = {
  /** Puts items without end, and prints each after its confirmation. */
  async write({ blobs, jobs, queue, readings }) {
    for (let i = 0; ; i++) {
      const id = `${process.pid}-${i}`;
      await blobs.put(id, stream(new Uint8Array(50_000).fill(i)), 1_000_000);
      say(`blob ${id} ${i % 256}`);
      await jobs.create(job(id));
      say(`job ${id}`);
      await queue.send(id);
      say(`message ${id}`);
      await readings.put('clinic', { reading: reading(id), instance });
      say(`reading ${id}`);
    }
  },

  async open() {},

  /** Enqueues jobs without end. */
  async enqueue({ enqueue }) {
    say('ready');
    for (let i = 0; ; i++) await enqueue(`${i}`, () => ({ job: job(`${i}`), send: true }));
  },

  /** Waits for messages, receives them until the queue is empty, counts each in the single job, and prints it. */
  async consume({ jobs, queue }) {
    say('ready');
    for (let waitMs = 20_000; ; waitMs = 1000) {
      const delivery = await queue.receive({ visibilityMs: 60_000, waitMs });
      if (!delivery) return;
      await jobs.update('counter', (counter) => ({ ...counter, attempts: counter.attempts + 1 }));
      await queue.remove(delivery.receipt);
      say(delivery.body);
    }
  },

  /** Fills the disk, then prints which operations still work. */
  async fill({ blobs, jobs, queue, trouble: look }) {
    await queue.send('before');
    await blobs.put('before', stream(new Uint8Array(2_000_000)), 4_000_000);
    let made = 0;
    const full = await (async () => {
      for (; ; made++) await jobs.create(job(`${made}`, { outcomes: Array(500).fill({ reading: 'rd_a' }) }));
    })().catch(codeOf);
    const blob = await blobs.put('after', stream(new Uint8Array(2_500_000)), 4_000_000).catch(codeOf);
    const trouble = await look();
    const kept = (await jobs.list({ limit: 1_000_000 })).length;
    const delivery = await queue.receive({ visibilityMs: 60_000, waitMs: 0 }).catch((e: Error) => e.message);
    const half = (await blobs.get('after'))?.length ?? 0;
    await blobs.remove('before');
    const relieved = await queue.send('after').then(
      () => true,
      () => false,
    );
    say(JSON.stringify({ made, kept, full, blob, trouble, half, delivery, relieved }));
  },
};

const [, , role = '', folder = ''] = process.argv;
const platform = openEmbedded(folder);
await roles[role]?.(platform);
await platform.close();
