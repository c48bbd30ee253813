import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { open, pipelined, watchLiveness } from '../support/attacks.ts';
import { openMeasured } from '../support/large.ts';

const isLinux = process.platform === 'linux';

describe.skipIf(!isLinux)('the service, while one client without a key pipelines requests and reads no answer', () => {
  let service: Awaited<ReturnType<typeof openMeasured>> | undefined;
  afterEach(() => service?.close());

  test.each([
    ['/docs/scalar.js', 1, 600],
    ['/openapi.json', 1, 990],
    // More requests than may wait on all connections together.
    ['/docs/scalar.js', 30, 600],
    ['/no/such/path', 30, 600],
  ])('%s, on %i connections %i times', async (path, connections, count) => {
    service = await openMeasured({ ALARA_ROLE: 'api', ALARA_WORKERS: '1' });
    const { url, memory, processorMs } = service;
    const before = memory('VmRSS');
    const liveness = watchLiveness(url, processorMs);
    const sockets = Array.from({ length: connections }, () => open(url).pause());
    for (const socket of sockets) socket.write(pipelined(path, count));
    await delay(3000);
    const { worstMs, probes } = await liveness.stop();
    for (const socket of sockets) socket.destroy();
    // If all pipelined requests started at once, one connection would take 883 MB and 4.6 s. Measured: 0 to 5 MB and 20 ms with
    // one connection, 59 to 86 MB and 340 ms with 30.
    expect(memory('VmHWM') - before).toBeLessThan(connections === 1 ? 50 : 150);
    expect(probes).toBeGreaterThan(0);
    // Processor time of the service per probe: the amount of other work before /health/live, independent of the load of the machine.
    expect(worstMs).toBeLessThan(connections === 1 ? 200 : 1000);
  });
});
