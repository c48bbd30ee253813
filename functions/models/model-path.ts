import { join } from 'node:path';
import type { Variant } from '../core/catalog.ts';
import type { LoadedFamily } from './load.ts';

/** The path of a variant's model, whether or not it is downloaded. */
export const modelPath = ({ folder, objects }: Pick<LoadedFamily, 'folder' | 'objects'>, variant: Variant): string =>
  objects === undefined ? join(folder, variant.file) : join(objects, variant.sha256);
