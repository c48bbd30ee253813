import type { Config } from '../platform/config.ts';
import type { Platform } from './platform.ts';
import { openEmbedded } from './sqlite/open-sqlite.ts';

type StorageConfig = Pick<Config, 'platform' | 'retentionDays'>;

const dayMs = 86_400_000;

/** Open the configured platform: on this machine, or on AWS. Throws ConfigError where it cannot be used. */
export async function openPlatform({ platform, retentionDays }: StorageConfig): Promise<Platform> {
  switch (platform.kind) {
    case 'embedded':
      return openEmbedded(platform.folder, { ...platform, floorBytes: platform.floorBytes ?? 'usual' });
    case 'aws': {
      // Loaded only here, because loading the AWS SDK takes a tenth of a second.
      const { openAws } = await import('./aws/open-aws.ts');
      return openAws(platform, retentionDays * dayMs);
    }
  }
}

/** The location of the storage, for messages to the operator. */
export const placeOf = ({ platform }: Pick<StorageConfig, 'platform'>): string =>
  platform.kind === 'embedded' ? platform.folder : `table ${platform.table}`;
