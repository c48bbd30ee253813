import { fileURLToPath } from 'node:url';
import type { Use } from '../../platform/aws/client.ts';
import { folderObjects } from './folder.ts';
import type { Objects } from './object-store.ts';

/** Whether a setting names a store of published families rather than a plain folder of families. */
export const isStore = (models: string) => models.startsWith('s3://') || models.startsWith('file://');

/**
 * Open a store: `s3://bucket/prefix`, `file:///folder`, or on the command line the path of a folder. A service uses shorter timeouts,
 * because its callers wait.
 */
export async function openObjects(store: string, use: Use = 'publish'): Promise<Objects> {
  if (!store.startsWith('s3://')) return folderObjects(store.startsWith('file://') ? fileURLToPath(store) : store);
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/?(.*?)\/*$/.exec(store) ?? [];
  // Loaded on demand: the AWS SDK takes longer to load than everything else.
  const [{ openS3 }, { s3Objects }] = await Promise.all([import('../../platform/aws/client.ts'), import('./s3.ts')]);
  return s3Objects(openS3(undefined, use), bucket, prefix);
}
