import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Platform } from '../../functions/storage/platform.ts';
import { openEmbedded } from '../../functions/storage/sqlite/open-sqlite.ts';

/** An empty folder that is removed when the test ends. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'alara-platform-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Open the platform of a folder, run a function, and close the platform. */
export async function using<Value>(
  folder: string,
  work: (platform: Platform) => Promise<Value>,
  keyFile?: string,
): Promise<Value> {
  const platform = openEmbedded(folder, { keyFile });
  try {
    return await work(platform);
  } finally {
    await platform.close();
  }
}
