import type { LoadedFamily } from '../catalog/load.ts';
import type { Device } from '../pipeline/infer/session.ts';
import type { ReadRequest } from '../pipeline/request.ts';

/** What a worker is told once, at its start. */
export type WorkerSetup = {
  readonly family: LoadedFamily;
  readonly device: Device;
  readonly threads: number;
  /** The variants to load and warm before the first film. */
  readonly warm: readonly string[];
};

export type ReadTask = {
  readonly kind: 'read';
  readonly id: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
  readonly request: ReadRequest;
};

export type Task = ReadTask | { readonly kind: 'warm' };
