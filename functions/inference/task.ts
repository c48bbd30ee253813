import type { Film } from '../core/film.ts';
import type { Inspected } from '../decode/dicom/inspect.ts';
import type { LoadedFamily } from '../models/load.ts';
import type { Read } from '../reading/read.ts';
import type { RequestPlan } from '../routing/plan.ts';
import type { ReadRequest } from '../routing/request.ts';
import type { Handshake } from './abort.ts';
import type { CriticalSection } from './native-lock.ts';
import type { Device } from './session.ts';

/** What a worker is told once, at its start. */
export type WorkerSetup = {
  readonly family: LoadedFamily;
  readonly device: Device;
  readonly threads: number;
  /** The variants to load and warm before the first film. */
  readonly warm: readonly string[];
  /** What of its own it says in the log; nothing by default. */
  readonly log?: string;
};

/** What a worker is given beside: where it may not be ended. */
export type WorkerData = WorkerSetup & { readonly section: CriticalSection };

export type ReadTask = {
  readonly kind: 'read';
  readonly id: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
  readonly request: ReadRequest;
  readonly plan: RequestPlan;
};

/** The header of a DICOM instance alone: whether it is one that is read, and whose. No pixel is decoded. */
export type InspectTask = {
  readonly kind: 'inspect';
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether these bytes are all of it, or its beginning. */
  readonly whole: boolean;
};

/** The film alone, for a picture of it. */
export type RenderTask = Omit<ReadTask, 'kind' | 'id' | 'request' | 'plan'> & { readonly kind: 'render' };

/** What somebody waits for, and no longer than its deadline. */
export type FilmTask = ReadTask | InspectTask | RenderTask;

export type Task = (FilmTask & { readonly handshake: Handshake }) | { readonly kind: 'warm' };

/** What each task answers. */
export type Answer = {
  readonly read: Read;
  readonly inspect: Inspected;
  readonly render: Film;
  readonly warm: null;
};
