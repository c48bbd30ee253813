/** A model folder with a fault. The message names the file, the line and the fault. */
export class CatalogError extends Error {
  override name = 'CatalogError';
}
