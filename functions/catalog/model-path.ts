import { join } from 'node:path';
import type { LoadedFamily } from './load.ts';
import type { Variant } from './schema.ts';

/** Where the model of a variant lies, or will once it was fetched. */
export const modelPath = ({ folder, objects }: Pick<LoadedFamily, 'folder' | 'objects'>, variant: Variant): string =>
  objects === undefined ? join(folder, variant.file) : join(objects, variant.sha256);
