import { expect, test } from 'vitest';
import { isLoopback } from '../../functions/platform/loopback.ts';

test.each(['localhost', '127.0.0.1', '127.8.9.10', '::1', '[::1]'])('%s is the local machine', (host) => {
  expect(isLoopback(host)).toBe(true);
});

test.each(['', '0.0.0.0', '::', '128.0.0.1', '[2001:db8::1]', 'localhost.example', '127.0.0.1.example', '[localhost'])(
  '%s is not only the local machine',
  (host) => {
    expect(isLoopback(host)).toBe(false);
  },
);
