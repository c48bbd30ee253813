import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const child = fileURLToPath(new URL('../support/full-disk-child.ts', import.meta.url));
/** A separate mount namespace, in which a small disk can be mounted without root. */
const canMount = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp']).status === 0;

type Told = { status: number; retryAfter: string | null; text: string };

test.skipIf(!canMount)(
  'a full disk shows in answers, readiness and log, and the service recovers (needs: unshare -Urm)',
  {
    timeout: 120_000,
  },
  () => {
    const disk = mkdtempSync(join(tmpdir(), 'alara-disk-'));
    try {
      const script = 'mount -t tmpfs -o size=48m tmpfs "$1" && exec "$2" "$3" "$1"';
      const ended = spawnSync('unshare', ['-Urm', 'sh', '-c', script, 'sh', disk, process.execPath, child], {
        encoding: 'utf8',
      });
      const { before, low, full, after, data } = JSON.parse(ended.stdout);
      expect([before.upload.status, before.ready.status]).toEqual([204, 200]);

      const isUnavailable = ({ status, retryAfter, text }: Told) => {
        expect([status, JSON.parse(text).code]).toEqual([503, 'store_unavailable']);
        expect(Number(retryAfter)).toBeGreaterThan(0);
      };
      isUnavailable(low.upload);
      expect([low.reading.status, low.ready.status]).toEqual([201, 200]);

      for (const upload of full.uploads) isUnavailable(upload);
      const refused = (full.readings as Told[]).filter(({ status }) => status !== 201);
      expect(refused.length).toBeGreaterThan(0);
      for (const answer of refused) isUnavailable(answer);
      expect(full.ready.status).toBe(503);
      expect(full.ready.text).toMatch(/ENOSPC|SQLITE_FULL/);

      expect([after.ready.status, after.upload.status]).toEqual([200, 204]);
      expect([200, 201]).toContain(after.reading.status);

      // The log has the cause of each error. Neither the log nor an answer has a path of this machine.
      for (const cause of ['FREE_SPACE_FLOOR', 'ENOSPC', 'SQLITE_FULL']) expect(ended.stderr).toContain(`"${cause}"`);
      const answers = JSON.stringify({ before, low, full, after });
      expect(answers).not.toContain(disk);
      expect(answers).not.toContain(data);
    } finally {
      rmSync(disk, { recursive: true });
    }
  },
);
