/** A model folder that cannot be trusted. Its message names file, line and fault. */
export class CatalogError extends Error {
  override name = 'CatalogError';
}
