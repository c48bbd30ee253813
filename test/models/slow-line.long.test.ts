import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { openObjects } from '../../functions/models/store/open-store.ts';
import { sha256Sync } from '../../functions/platform/digest.ts';
import { type Aws, hasAws, startAws } from '../support/aws.ts';

/** A connection to a server with a limited upload rate in bytes per second. */
async function slowLine(target: string, bytesPerSecond: number): Promise<string> {
  const { hostname, port } = new URL(target);
  const server = createServer(async (client) => {
    const upstream = connect(Number(port), hostname);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one.on('error', () => other.destroy());
    upstream.pipe(client);
    try {
      for await (const chunk of client) {
        upstream.write(chunk);
        await delay((1000 * chunk.length) / bytesPerSecond);
      }
    } catch {
      // If one end closes the connection, the other end is closed as well.
    }
    upstream.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.skipIf(!hasAws)('publishing over a slow connection (npm run pretest)', () => {
  let aws: Aws;
  beforeAll(async () => {
    aws = await startAws();
  });
  afterAll(() => aws?.close());

  test('uploads a model although the upload takes longer than the request timeout', { timeout: 240_000 }, async () => {
    const model = randomBytes(12_000_000);
    const line = await slowLine(aws.environment['AWS_ENDPOINT_URL_S3'] ?? '', 320_000);
    for (const [name, value] of Object.entries({ ...aws.environment, AWS_ENDPOINT_URL_S3: line }))
      vi.stubEnv(name, value);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const store = `s3://${aws.bucket}/models`;
    const objects = await openObjects(store, 'publish');
    const start = performance.now();
    expect(await objects.create('chest14/model', model)).toBe(true);
    expect(performance.now() - start).toBeGreaterThan(31_000);
    expect(await objects.head('chest14/model')).toMatchObject({ bytes: model.length, sha256: sha256Sync(model) });
  });
});
