import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import type { JobInput } from '../../functions/core/job.ts';
import { ok } from '../../functions/core/result.ts';
import type { Handlers } from '../../functions/jobs/handler.ts';
import { type Runner, type RunnerOptions, startRunner } from '../../functions/jobs/runner.ts';
import { submit } from '../../functions/jobs/submit.ts';
import type { Platform } from '../../functions/storage/platform.ts';
import { openEmbedded } from '../../functions/storage/sqlite/open-sqlite.ts';

/** The embedded platform in a new folder, and runners on it. */
export type Bench = {
  readonly platform: Platform;
  readonly data: string;
  /** The whole log as text. */
  readonly logged: () => string;
  work(handlers: Partial<Handlers>, options?: Partial<RunnerOptions>): Runner;
  submit(id: string, input?: Partial<Extract<JobInput, { kind: 'film' }>>): Promise<void>;
  close(): Promise<void>;
};

export const done: Handlers = {
  film: async () => ok([]),
  instances: async () => ok([]),
  study: async () => ok([]),
  webhook: async () => ok([]),
};

export function openBench(): Bench {
  const data = mkdtempSync(join(tmpdir(), 'alara-runner-'));
  const platform = openEmbedded(data);
  const runners: Runner[] = [];
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _, next) {
      lines.push(String(chunk));
      next();
    },
  });
  return {
    platform,
    data,
    logged: () => lines.join(''),
    work(handlers, options = {}) {
      const runner = startRunner({
        ...{ platform, handlers: { ...done, ...handlers }, concurrency: 2, retentionMs: 86_400_000 },
        ...{ log: pino(sink), retry: { baseMs: 10, capMs: 20 }, visibilityMs: 2000 },
        ...options,
      });
      runners.push(runner);
      return runner;
    },
    async submit(id, input = {}) {
      const film = { kind: 'film', upload: id, mediaType: 'image/png', parameters: {}, ...input } as const;
      await submit(platform, id, 'local', film);
    },
    async close() {
      await Promise.all(runners.map((runner) => runner.stop()));
      await platform.close();
      rmSync(data, { recursive: true });
    },
  };
}
