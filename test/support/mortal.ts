// Runs jobs, and kills itself with SIGKILL before a call of the platform, like a power cut: before its nth call, or before the
// first call with a name such as blobs.remove. Exits with 0 if it finishes all jobs first.

import { fail } from '../../functions/core/result.ts';
import { openEngine, openRouter } from '../../functions/inference/router.ts';
import { createHandlers } from '../../functions/jobs/handlers.ts';
import { startRunner } from '../../functions/jobs/runner.ts';
import { readConfig } from '../../functions/platform/config.ts';
import { createLog } from '../../functions/platform/log.ts';
import { createBudget } from '../../functions/platform/memory-budget.ts';
import { openPlatform } from '../../functions/storage/open-storage.ts';

const config = readConfig(process.env);
const dieAt = process.argv[2] ?? '';
let calls = 0;

/** The same store; any counted call may be the last. Read-only calls and background work are not counted. */
function mortal<Store extends object>(name: string, store: Store): Store {
  const beside = ['queue.receive', 'queue.depth', 'queue.extend', 'jobs.list', 'jobs.prune', 'blobs.prune'];
  return new Proxy(store, {
    get(target, method, receiver) {
      const call = Reflect.get(target, method, receiver);
      const step = `${name}.${String(method)}`;
      if (typeof call !== 'function' || beside.includes(step)) return call;
      return (...args: unknown[]) => {
        calls++;
        if (dieAt === step || dieAt === String(calls)) {
          process.stdout.write(step, () => process.kill(process.pid, 'SIGKILL'));
          return new Promise(() => undefined);
        }
        return call.apply(target, args);
      };
    },
  });
}

const platform = await openPlatform(config);
const [{ enqueue }, jobs, queue, blobs, readings, access] = [
  mortal('platform', { enqueue: platform.enqueue }),
  mortal('jobs', platform.jobs),
  mortal('queue', platform.queue),
  mortal('blobs', platform.blobs),
  mortal('readings', platform.readings),
  mortal('access', platform.access),
];
const router = openRouter(config);
const engine = openEngine(router, config);
await engine.ready;
const nowhere = async () => fail({ code: 'unknown_pacs', pacs: '', known: [] } as const);
const runner = startRunner({
  platform: { jobs, queue, enqueue, blobs },
  handlers: createHandlers(
    { router, engine, platform: { jobs, blobs, readings, access }, budget: createBudget(1e9) },
    { requestOf: () => undefined, storeResults: nowhere, study: nowhere },
  ),
  ...{ concurrency: 1, retentionMs: 86_400_000, visibilityMs: 700, log: createLog('silent') },
});
for (;;) {
  const { waiting, inFlight } = await platform.queue.depth();
  if (waiting + inFlight === 0) break;
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await runner.stop();
await engine.close();
process.exit(0);
