import type { Variant } from '../../core/catalog.ts';
import type { LoadedFamily } from '../../models/load.ts';
import { sha256Sync } from '../../platform/digest.ts';

/** How a model file differs from the catalog, or undefined. */
export function digestFault(bytes: Uint8Array, { file, sha256 }: Variant, { folder }: Pick<LoadedFamily, 'folder'>) {
  const digest = sha256Sync(bytes);
  return digest === sha256
    ? undefined
    : `${file} in ${folder} has SHA-256 ${digest}, the catalog says ${sha256}. Restore it from where the family was published.`;
}
