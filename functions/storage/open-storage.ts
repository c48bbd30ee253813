import type { Config } from '../platform/config.ts';
import type { Platform } from './platform.ts';
import { openEmbedded } from './sqlite/open-sqlite.ts';

const dayMs = 86_400_000;

/** The platform that is configured: on this machine, or on AWS. Throws ConfigError when it cannot be used. */
export async function openPlatform({
  platform,
  retentionDays,
}: Pick<Config, 'platform' | 'retentionDays'>): Promise<Platform> {
  switch (platform.kind) {
    case 'embedded':
      return openEmbedded(platform.folder, { ...platform, floorBytes: platform.floorBytes ?? 'usual' });
    case 'aws': {
      // Loaded only where it is used: the AWS SDK takes a tenth of a second.
      const { openAws } = await import('./aws/open-aws.ts');
      return openAws(platform, retentionDays * dayMs);
    }
  }
}

/** Where it keeps things, for who looks for them. */
export const placeOf = ({ platform }: Pick<Config, 'platform'>): string =>
  platform.kind === 'embedded' ? platform.folder : `table ${platform.table}`;
