import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ReadingView } from '../../functions/core/reading-view.ts';
import { film, openService, post, type Service } from '../support/service.ts';

const executablePath = '/usr/bin/chromium';
const source = readFileSync('docs/summary.html', 'utf8');

test('the example page has at most thirty lines and names no finding', () => {
  expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(30);
  const catalog = JSON.parse(readFileSync('models/chest14/catalog.json', 'utf8'));
  for (const finding of catalog.findings) expect(source.toLowerCase()).not.toContain(finding.toLowerCase());
});

describe.skipIf(!existsSync(executablePath))('the example page in a browser (needs Chromium)', () => {
  let service: Service;
  let server: ReturnType<typeof createAdaptorServer>;
  let browser: Browser;
  let page: Page;
  let url: string;

  beforeAll(async () => {
    service = await openService();
    // The page and the API have one origin, as behind the reverse proxy of an application.
    const fetch = (request: Request) =>
      new URL(request.url).pathname === '/summary.html'
        ? new Response(source, { headers: { 'content-type': 'text/html' } })
        : service.app.fetch(request);
    server = createAdaptorServer({ fetch });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    page = await browser.newPage();
  });
  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => server?.close(resolve) ?? resolve(null));
    await service?.close();
  });

  test('shows each finding by its name for people, by rank, with its call, its probability and the limits of the call', async () => {
    await page.goto(`${url}/summary.html`);
    await page.setInputFiles('#film', 'test/films/00000442_000.png');
    await page.waitForSelector('#findings tr');
    const rows = await page.locator('#findings tr').evaluateAll((found) =>
      found.map((row) => {
        const [name, call, bar] = [...row.children];
        const meter = bar?.querySelector('meter');
        return { name: name?.textContent, call: call?.textContent, value: meter?.value, high: meter?.high };
      }),
    );
    const answer = await post(service.app, '', film('00000442_000.png'));
    const { findings, notice } = ReadingView.parse(await answer.json());
    const ranked = findings.toSorted((a, b) => a.rank - b.rank);
    expect(rows).toEqual(
      ranked.map(({ displayName, call, probability, operatingPoint: { high } }) => ({
        ...{ name: displayName, call },
        ...{ value: Number(probability.toPrecision(3)), high: Number(high.toPrecision(3)) },
      })),
    );
    expect(rows.map(({ name }) => name)).toContain('Pleural effusion');
    expect(await page.textContent('#notice')).toBe(notice);
    if (process.env['SCREENSHOT']) await page.screenshot({ path: process.env['SCREENSHOT'] });
  });

  test('shows the problem of a file that is no film, and its fix', async () => {
    await page.setInputFiles('#film', { name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('no film') });
    await page.waitForFunction(() => document.querySelectorAll('#findings tr').length === 0);
    const answer = await post(service.app, '', new TextEncoder().encode('no film'), 'text/plain');
    const { title, fix } = await answer.json();
    expect(await page.textContent('#notice')).toBe(`${title}. ${fix}`);
  });
});
