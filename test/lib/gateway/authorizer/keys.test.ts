import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { publishedKeys } from '../../../../lib/gateway/authorizer/keys.ts';

const now = new Date('2026-11-23T12:00:00Z');

test('keys are downloaded once per hour, and earlier for a new key, but not for every unknown key id', async () => {
  let downloads = 0;
  let kids = ['one'];
  const server = createServer((request, response) => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    if (request.url?.startsWith('/.well-known')) response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/keys` }));
    else {
      downloads++;
      response.end(JSON.stringify({ keys: kids.map((kid) => ({ kid })) }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keysOf = publishedKeys(url);
  const at = (ms: number) => new Date(now.getTime() + ms);
  expect(await keysOf('one', at(0))).toEqual([{ kid: 'one' }]);
  await keysOf('one', at(1000));
  await keysOf('unknown', at(2000));
  expect(downloads).toBe(1);
  kids = ['one', 'two'];
  expect(await keysOf('two', at(31_000))).toContainEqual({ kid: 'two' });
  await keysOf('one', at(31_000 + 3_600_001));
  expect(downloads).toBe(3);
  await expect(publishedKeys(`${url}/`)('one', at(0))).rejects.toThrow('another issuer');
});
