import { afterAll, beforeAll, expect, test } from 'vitest';
import { advice } from '../../../functions/core/fault-status.ts';
import { openService, type Service } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await openService({ ALARA_AUTH: 'required' });
});
afterAll(() => service?.close());

test('/problems lists every code without a key, and each page links to the list', async () => {
  const answer = await service.app.request('/problems');
  expect(answer.status).toBe(200);
  const text = await answer.text();
  const linked = [...text.matchAll(/href="(\/problems\/[a-z_]+)"/g)].map(([, path]) => path ?? '');
  expect(linked).toEqual(Object.keys(advice).map((code) => `/problems/${code}`));
  for (const path of linked) {
    const page = await service.app.request(path);
    expect(page.status, path).toBe(200);
    expect(await page.text()).toContain('href="/problems"');
  }
});
