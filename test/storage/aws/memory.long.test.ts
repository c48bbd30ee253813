import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { concurrently, jobs, openMeasured, stow } from '../../support/large.ts';

describe.skipIf(!hasAws || !existsSync('/proc/self/status'))(
  'large films on AWS (npm run pretest installs SeaweedFS and moto)',
  { timeout: 120_000 },
  () => {
    let aws: Aws;
    let service: Awaited<ReturnType<typeof openMeasured>> | undefined;
    beforeAll(async () => {
      aws = await startAws();
    });
    afterEach(async () => {
      await service?.close();
      service = undefined;
    });
    afterAll(() => aws?.close());

    const open = async () => {
      const settings = { ALARA_BUFFER_MB: '128', ALARA_WORKERS: '2', ALARA_MAX_UPLOAD_MB: '256' };
      service = await openMeasured({ ...aws.environment, ...(await aws.createStores()), ...settings });
      return service;
    };

    test('by STOW-RS are streamed in parts, for any number of concurrent films', async () => {
      const { url, memory } = await open();
      const ready = memory('VmRSS');
      const answers = await concurrently(4, () => stow(url, 100));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      // The films have 400 MB in total. Without streaming, each takes a multiple of its size.
      expect(memory('VmHWM') - ready).toBeLessThan(320);
    });

    test('that clients uploaded directly are copied in parts, and loaded into memory one after the other', async () => {
      const { url, memory } = await open();
      const ready = memory('VmRSS');
      const answers = await jobs(url, 4, 100);
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
      expect(memory('VmHWM') - ready).toBeLessThan(320);
    });
  },
);
