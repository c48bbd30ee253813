import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chest } from '../support/dicom/film.ts';
import { chestDataset } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { openService, type Service } from '../support/service.ts';

const executablePath = '/usr/bin/chromium';
const missing = !existsSync(executablePath);

describe.skipIf(missing)('the page in a browser (needs Chromium: apt-get install chromium)', () => {
  let service: Service;
  let server: ReturnType<typeof createAdaptorServer>;
  let browser: Browser;
  let page: Page;
  let url: string;
  let key: string;
  const errors: string[] = [];

  beforeAll(async () => {
    service = await openService({ ALARA_AUTH: 'required' });
    key = (await service.platform.access.createKey('hospital', ['readings'])).key;
    server = createAdaptorServer({ fetch: service.app.fetch });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
    ];
    browser = await chromium.launch({ executablePath, args });
    page = await browser.newPage({ viewport: { width: 1100, height: 1000 } });
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on(
      'request',
      (request) => request.url().startsWith(url) || request.url().startsWith('blob:') || errors.push(request.url()),
    );
  });
  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => server?.close(resolve) ?? resolve(null));
    await service?.close();
  });

  test('reads the selected film under the selected policy and shows the reasons', async () => {
    await page.goto(url);
    await page.waitForSelector('#status.problem');
    expect(await page.textContent('#status')).toMatch(/^A valid API key is needed\./);
    errors.length = 0;
    await page.fill('#key', key);
    await page.press('#key', 'Enter');
    await page.waitForFunction(() => document.querySelectorAll('#policy option').length > 1);
    await page.selectOption('#policy', 'sabottke-spieler-2020');
    await page.selectOption('#operating-point', 'sensitive');
    await page.fill('#findings', 'Nodule,Emphysema');
    await page.setInputFiles('#file', 'test/films/00000442_000.png');
    await page.waitForSelector('#findings-table tbody tr');
    expect(await page.locator('#findings-table tbody tr').allTextContents()).toEqual([
      expect.stringMatching(/^Nodule.*512 px/s),
      expect.stringMatching(/^Emphysema.*512 px/s),
    ]);
    expect(await page.textContent('#status')).toMatch(
      /^Read at 512 px in \d+ ms: 100 % of the cost.*Not for diagnosis/,
    );
    expect(await page.textContent('#summary')).toMatch(/of the 2 requested findings .* operating point sensitive/);
    expect(await page.textContent('#curl')).toContain('operatingPoint=sensitive');
    expect(await page.textContent('#curl')).toContain(
      "curl --data-binary @00000442_000.png -H 'content-type: image/png'",
    );
    if (process.env['SCREENSHOT']) await page.screenshot({ path: process.env['SCREENSHOT'] });
  });

  test('reads a DICOM file, although the browser cannot display it', async () => {
    await page.setInputFiles('#file', {
      name: 'film.dcm',
      mimeType: '',
      buffer: part10(chestDataset(await chest({ columns: 512, rows: 512, bits: 12 }))),
    });
    await page.waitForFunction(() => document.getElementById('curl')?.textContent?.includes('film.dcm'));
    expect(await page.textContent('#status')).toMatch(/^Read at 512 px/);
    expect(await page.isVisible('#film')).toBe(false);
    expect(await page.textContent('#curl')).toContain(
      "-H 'content-type: application/dicom' -H 'authorization: Bearer KEY'",
    );
  });

  test('shows a curl command that is safe to paste for any file name', async () => {
    const name = '-it\'s $(touch owned) `x` "y".dcm';
    const buffer = part10(chestDataset(await chest({ columns: 512, rows: 512, bits: 12 })));
    await page.setInputFiles('#file', { name, mimeType: '', buffer });
    await page.waitForFunction(() => document.getElementById('curl')?.textContent?.includes('owned'));
    const line = (await page.textContent('#curl')) ?? '';
    // The shell splits the command into words.
    const words = execFileSync('sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' }).split('\0');
    expect(words.slice(0, 3)).toEqual(['curl', '--data-binary', `@./${name}`]);
    expect(existsSync('owned')).toBe(false);
  });

  test('shows the error of an unreadable file and its fix', async () => {
    errors.length = 0;
    await page.setInputFiles('#file', { name: 'note.png', mimeType: 'image/png', buffer: Buffer.from('not an image') });
    await page.waitForSelector('#status.problem');
    expect(await page.textContent('#status')).toMatch(/The body is not an image\. Send the bytes/);
    errors.length = 0;
  });

  test('/docs renders the operations without a request to another host', async () => {
    await page.goto(`${url}/docs`);
    await page.getByText('Read a radiograph').first().waitFor();
    // biome-ignore lint/performance/useDomNodeTextContent: only the visible text counts
    const shown = await page.locator('body').innerText();
    expect(shown).not.toMatch(/Generate MCP|Developer Tools|\bShare\b|\bDeploy\b|Open API Client|VS Code|Cursor/);
    expect(errors).toEqual([]);
    // The sample contains the address of this server and sends the file unchanged.
    expect(shown.replaceAll('\u200b', '')).toContain(`curl --data-binary @film.png`);
    expect(shown).toContain(`${url}/v1/readings`);
  });
});
