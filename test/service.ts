import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { createApp } from '../functions/api/app.ts';
import type { Engine } from '../functions/engine/engine.ts';
import { openEngine, openRouter, type Router } from '../functions/engine/open.ts';
import { readConfig } from '../functions/platform/config.ts';
import { createLog } from '../functions/platform/log.ts';
import { openStore } from '../functions/platform/store.ts';

export type Service = {
  readonly app: OpenAPIHono;
  readonly router: Router;
  readonly engine: Engine;
  close(): Promise<void>;
};

/** The real service on the bundled family, its store in a folder of its own. No socket: call `app.request()`. */
export async function openService(environment: Record<string, string> = {}): Promise<Service> {
  const data = mkdtempSync(join(tmpdir(), 'alara-data-'));
  const config = readConfig({ ALARA_DATA: data, ALARA_LOG: 'silent', ALARA_DEADLINE_MS: '120000', ...environment });
  const router = openRouter(config);
  const engine = openEngine(router, config);
  const store = openStore(config.data);
  const { maxBodyBytes, device } = config;
  const app = createApp({ router, engine, store, log: createLog(config.log), maxBodyBytes, device });
  await engine.ready;
  return {
    app,
    router,
    engine,
    async close() {
      await engine.close();
      await store.close();
      rmSync(data, { recursive: true });
    },
  };
}

export const film = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(join('test/films', name)));

/** Post a film as it is. */
export const post = (
  app: OpenAPIHono,
  query: string,
  body: Uint8Array<ArrayBuffer>,
  type = 'image/png',
  init: RequestInit = {},
) => app.request(`/v1/readings${query}`, { method: 'POST', headers: { 'content-type': type }, body, ...init });
