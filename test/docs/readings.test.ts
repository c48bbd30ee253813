import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { film, openService, type Service } from '../support/service.ts';

const executablePath = '/usr/bin/chromium';
const [, sample = ''] = /^```html\n(.*?)^```$/ms.exec(readFileSync('docs/readings.md', 'utf8')) ?? [];
const name = '00000442_000.png';

type Fetch = (request: Request) => Response | Promise<Response>;

describe.skipIf(!existsSync(executablePath))('the heat map of docs/readings.md in a browser (needs Chromium)', () => {
  const servers: ReturnType<typeof createAdaptorServer>[] = [];
  const services: Service[] = [];
  let browser: Browser;
  let html: string;
  let origin: string;

  /** A server on a port of its own, so with an origin of its own. */
  async function listen(fetch: Fetch): Promise<string> {
    const server = createAdaptorServer({ fetch });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const pages: Fetch = ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === '/film.png') return new Response(film(name), { headers: { 'content-type': 'image/png' } });
    if (pathname === '/favicon.ico') return new Response(null, { status: 204 });
    return new Response(html, { headers: { 'content-type': 'text/html' } });
  };

  /** A service that allows the origin of the pages, and a reading with heat maps. */
  async function readOn(environment: Record<string, string>): Promise<{ api: string; key: string; id: string }> {
    const service = await openService({ ALARA_CORS_ORIGINS: origin, ...environment });
    services.push(service);
    const { key } = await service.platform.access.createKey('hospital', ['readings']);
    const api = await listen(service.app.fetch);
    const authorization = environment['ALARA_AUTH'] ? { authorization: `Bearer ${key}` } : undefined;
    const answer = await fetch(`${api}/v1/readings?findings=Nodule&explain=heatmap`, {
      ...{ method: 'POST', body: film(name) },
      headers: { 'content-type': 'image/png', ...authorization },
    });
    const { id } = await answer.json();
    return { api, key, id };
  }

  /** Open the page at an address. Returns the width of each picture, 0 if it is not drawn, and what the browser reports. */
  async function open(address: string): Promise<{ page: Page; widths: number[]; errors: string[] }> {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('console', (message) => void (message.type() === 'error' && errors.push(message.text())));
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(address, { waitUntil: 'networkidle' });
    const images = page.locator('img');
    const widths = await images.evaluateAll((found) => found.map((one) => (one as HTMLImageElement).naturalWidth));
    return { page, widths, errors };
  }

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    origin = await listen(pages);
  });
  afterAll(async () => {
    await browser?.close();
    for (const server of servers) await new Promise((resolve) => server.close(resolve));
    for (const service of services) await service.close();
  });

  test('is drawn over the film by a page of another origin with a key', async () => {
    const { api, key, id } = await readOn({ ALARA_AUTH: 'required' });
    html = sample.replace('http://127.0.0.1:8080', api).replace("'KEY'", `'${key}'`).replace('rd_…', id);
    const { page, widths, errors } = await open(origin);
    expect(errors).toEqual([]);
    expect(widths).toHaveLength(2);
    expect(Math.min(...widths)).toBeGreaterThan(0);
    const [below, above] = await page.locator('img').evaluateAll((found) =>
      found.map((one) => {
        const { x, y, width, height } = one.getBoundingClientRect();
        return { x, y, width, height };
      }),
    );
    expect(above).toEqual(below);

    // The origin is not named, so the browser withholds the answer.
    const stranger = await open(await listen(pages));
    expect(stranger.widths[1]).toBe(0);
    expect(stranger.errors.join()).toContain('CORS');

    // An img element sends no key.
    html = `<img crossorigin src="${api}/v1/readings/${id}/heatmaps/Nodule">`;
    expect((await open(origin)).widths).toEqual([0]);
  });

  test('is drawn without a key on loopback only with the attribute crossorigin', async () => {
    const { api, id } = await readOn({});
    const shown = async (attribute: string) => {
      html = `<img ${attribute} src="${api}/v1/readings/${id}/heatmaps/Nodule">`;
      const { widths, errors } = await open(origin);
      return { isDrawn: widths.some((width) => width > 0), errors: errors.join() };
    };
    expect(await shown('crossorigin')).toEqual({ isDrawn: true, errors: '' });
    const blocked = expect.stringContaining('ERR_BLOCKED_BY_RESPONSE.NotSameOrigin');
    expect(await shown('')).toEqual({ isDrawn: false, errors: blocked });
  });
});
