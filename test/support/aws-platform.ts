import { onTestFinished } from 'vitest';
import { readConfig } from '../../functions/platform/config.ts';
import { openPlatform } from '../../functions/storage/open-storage.ts';
import type { Platform } from '../../functions/storage/platform.ts';
import type { Aws } from './aws.ts';

/** A platform with a new folder, and the settings that open it again. It is closed when the test ends. */
export async function openAwsPlatform(aws: Aws, more: Record<string, string> = {}) {
  const environment = { ...aws.environment, ...(await aws.createStores()), ...more };
  const another = async (): Promise<Platform> => {
    const platform = await openPlatform(readConfig(environment));
    onTestFinished(() => platform.close());
    return platform;
  };
  return { environment, another, platform: await another() };
}
