import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openService, type Service } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await openService();
});
afterAll(() => service?.close());

const ask = (id: string | undefined, path = '/nothing') =>
  service.app.request(path, id === undefined ? {} : { headers: { 'x-request-id': id } });

test.each(['a', 'trace-7.1_B', '9f8b2c1e-0000-4000-8000-1234567890ab', 'x'.repeat(128)])(
  'a safe id is returned: %s',
  async (id) => {
    const answer = await ask(id);
    expect(answer.headers.get('x-request-id')).toBe(id);
    expect((await answer.json()).requestId).toBe(id);
    expect((await ask(id, '/health/live')).headers.get('x-request-id')).toBe(id);
  },
);

test.each([
  undefined,
  '',
  'x'.repeat(129),
  'two words',
  'a,b',
  '<script>',
  '"quoted"',
  "'; drop table",
  '../../etc/passwd',
  '$\u007bjndi:ldap://a.example}',
  'a=b',
  'a:b',
  'a%0d%0ab',
  'caf\u00e9',
  'tab\tbed',
])('an unsafe id is replaced by a new id: %j', async (id) => {
  const [first, second] = [await ask(id), await ask(id)];
  const ids = [first, second].map((answer) => answer.headers.get('x-request-id') ?? '');
  for (const made of ids) expect(made).toMatch(/^[0-9a-f-]{36}$/);
  expect(ids[0]).not.toBe(ids[1]);
  expect((await first.json()).requestId).toBe(ids[0]);
});

test('an id that is sent twice is replaced', async () => {
  const server = createAdaptorServer({ fetch: service.app.fetch });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const headers = new Headers([
      ['x-request-id', 'a'],
      ['x-request-id', 'b'],
    ]);
    const answer = await fetch(`http://127.0.0.1:${port}/health/live`, { headers });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
