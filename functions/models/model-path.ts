import { join } from 'node:path';
import type { Variant } from '../core/catalog.ts';
import type { LoadedFamily } from './load.ts';

/** Where the model of a variant lies, or will once it was fetched. */
export const modelPath = ({ folder, objects }: Pick<LoadedFamily, 'folder' | 'objects'>, variant: Variant): string =>
  objects === undefined ? join(folder, variant.file) : join(objects, variant.sha256);
