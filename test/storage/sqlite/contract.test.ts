import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Platform } from '../../../functions/storage/platform.ts';
import { openEmbedded } from '../../../functions/storage/sqlite/open-sqlite.ts';
import { platformContract } from '../../support/storage-contract.ts';

platformContract('the embedded platform', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'alara-platform-'));
  const opened: Platform[] = [];
  const another = async () => {
    const platform = openEmbedded(folder);
    opened.push(platform);
    return platform;
  };
  onTestFinished(async () => {
    for (const platform of opened) await platform.close();
    rmSync(folder, { recursive: true });
  });
  const atRest = async () => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
    return Buffer.concat(files.filter((file) => statSync(file).isFile()).map((file) => readFileSync(file)));
  };
  return { platform: await another(), another, atRest, tickMs: 200 };
});
