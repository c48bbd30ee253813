import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { open, pipelined, watchLiveness } from '../support/attacks.ts';
import { openMeasured } from '../support/large.ts';

const isLinux = process.platform === 'linux';

describe.skipIf(!isLinux)('the service, while one client without a key pipelines and reads nothing', () => {
  let service: Awaited<ReturnType<typeof openMeasured>> | undefined;
  afterEach(() => service?.close());

  test.each([
    ['/docs/scalar.js', 1, 600],
    ['/openapi.json', 1, 990],
    // More than all connections together may have waiting.
    ['/docs/scalar.js', 30, 600],
    ['/no/such/path', 30, 600],
  ])('%s, on %i connections %i times', { timeout: 60_000 }, async (path, connections, count) => {
    service = await openMeasured({ ALARA_ROLE: 'api', ALARA_WORKERS: '1' });
    const { url, memory } = service;
    const before = memory('VmRSS');
    const liveness = watchLiveness(url);
    const sockets = Array.from({ length: connections }, () => open(url).pause());
    for (const socket of sockets) socket.write(pipelined(path, count));
    await delay(3000);
    const { worstMs, probes } = await liveness.stop();
    for (const socket of sockets) socket.destroy();
    // 2500 MB and 13.8 s before. On a quiet machine: 6 to 15 MB per connection of the first two, and 25 to 80 ms.
    expect(memory('VmHWM') - before).toBeLessThan(50 + 10 * (connections - 1));
    expect(probes).toBeGreaterThan(0);
    expect(worstMs).toBeLessThan(connections === 1 ? 1000 : 5000);
  });
});
