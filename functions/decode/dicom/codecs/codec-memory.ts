import type { CompressedFrame } from './codec-types.ts';

/**
 * Memory limit of a codec in bytes. A codec reserves 268 MB at its start and leaves most of it unused. In tests, the largest films
 * took up to 10 bytes per pixel plus the stream, and HTJ2K in blocks of 4 pixels took 110 MB more than at the start.
 */
export const memoryLimit = ({ bytes, shape }: CompressedFrame) =>
  384_000_000 + bytes.length + 24 * shape.rows * shape.columns;
