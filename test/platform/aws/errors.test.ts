import { once } from 'node:events';
import { get } from 'node:http';
import { expect, test } from 'vitest';
import { asOutage } from '../../../functions/platform/aws/errors.ts';

test.each([
  ['http://127.0.0.1:1/', 'the store refused the connection'],
  ['http://store.invalid/', 'the store has a host name that cannot be resolved'],
])('a store at %s: %s', async (url, message) => {
  const [error] = await once(get(url), 'error');
  expect(asOutage(error)).toMatchObject({ name: 'StoreUnavailable', message, cause: error });
});
