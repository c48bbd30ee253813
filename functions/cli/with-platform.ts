import { readConfig } from '../platform/config.ts';
import { openEmbedded } from '../platform/embedded/open.ts';
import type { Platform } from '../platform/platform.ts';

/** Work on the store that the settings name. A server may run on it meanwhile. */
export async function withPlatform<Value>(
  work: (platform: Platform, folder: string) => Promise<Value>,
): Promise<Value> {
  const { data, keyFile } = readConfig(process.env);
  const platform = openEmbedded(data, { keyFile });
  try {
    return await work(platform, data);
  } finally {
    await platform.close();
  }
}
