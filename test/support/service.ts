import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { type Service as Assembled, assemble } from '../../functions/api/service.ts';
import { readConfig } from '../../functions/platform/config.ts';
import { createLog } from '../../functions/platform/log.ts';
import { type Contract, contractOf } from './contract.ts';

export type Service = Omit<Assembled, 'begin' | 'drain'> & {
  /** The folder of the store. */
  readonly data: string;
  /** The served document, with which each answer of `app.request()` is compared. Undefined for a process that only runs jobs. */
  readonly contract: Contract | undefined;
  close(): Promise<void>;
};

/** The real service with the bundled family and a store in a new folder. It has no socket: call `app.request()`. */
export async function openService(
  environment: Record<string, string> = {},
  tuning: Parameters<typeof assemble>[2] = {},
): Promise<Service> {
  const data = environment['ALARA_DATA'] ?? mkdtempSync(join(tmpdir(), 'alara-data-'));
  const config = readConfig({ ALARA_LOG: 'silent', ALARA_DEADLINE_MS: '120000', ...environment, ALARA_DATA: data });
  const { begin, drain, ...service } = await assemble(config, createLog(config.log), tuning);
  begin();
  await service.engine.ready;
  return {
    ...service,
    data,
    contract: await compareAnswers(service.app),
    async close() {
      await drain();
      await service.platform.close();
      if (environment['ALARA_DATA'] === undefined) rmSync(data, { recursive: true });
    },
  };
}

/** Compare each answer of `app.request()` with the served document: an answer that the document does not describe fails its test. */
async function compareAnswers(app: OpenAPIHono): Promise<Contract | undefined> {
  const request = app.request.bind(app);
  const served = await request('/openapi.json');
  if (!served.ok) return undefined;
  const contract = contractOf(await served.json());
  app.request = async (input, init, ...more) => {
    const response = await request(input, init, ...more);
    const method = input instanceof Request ? input.method : (init?.method ?? 'GET');
    const { pathname: path } = new URL(input instanceof Request ? input.url : input, 'http://localhost');
    const { status, headers } = response;
    if (contract.describes(method, path)) {
      const body = new Uint8Array(await response.clone().arrayBuffer());
      contract.check({ method, path, status, headers, body });
    }
    return response;
  };
  return contract;
}

export const film = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(join('test/films', name)));

/** Resolve a reference of an answer against the called address (RFC 3986 5.2). Returns a path, with or without the stage of a gateway. */
export const resolved = (reference: string | null, asked: string): string =>
  new URL(reference ?? '', `http://gateway.example${asked}`).pathname;

/** Post a film as a raw body. */
export const post = (
  app: OpenAPIHono,
  query: string,
  body: Uint8Array<ArrayBuffer>,
  type = 'image/png',
  init: RequestInit = {},
) => app.request(`/v1/readings${query}`, { method: 'POST', headers: { 'content-type': type }, body, ...init });
