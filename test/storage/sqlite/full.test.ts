import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const child = fileURLToPath(new URL('../../support/sqlite-child.ts', import.meta.url));
/** A separate mount namespace, in which a small disk can be mounted without root. */
const canMount = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp']).status === 0;

test.skipIf(!canMount)('a full disk rejects new data and keeps confirmed data (needs: unshare -Urm)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'alara-full-'));
  try {
    const script = 'mount -t tmpfs -o size=6m tmpfs "$1" && exec "$2" "$3" fill "$1"';
    const said = execFileSync('unshare', ['-Urm', 'sh', '-c', script, 'sh', folder, process.execPath, child], {
      encoding: 'utf8',
    });
    const { made, kept, full, blob, trouble, half, delivery, relieved } = JSON.parse(said);
    expect(made).toBeGreaterThan(10);
    expect(kept).toBe(made);
    expect(full).toBe('SQLITE_FULL');
    expect(blob).toBe('ENOSPC');
    expect(trouble).toMatch(/^(ENOSPC|SQLITE_FULL)$/);
    expect(half).toBe(0);
    expect([delivery.body ?? delivery, relieved]).toEqual(['before', true]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
