import type { Film } from '../core/film.ts';
import type { Inspected } from '../decode/dicom/inspect.ts';
import type { LoadedFamily } from '../models/load.ts';
import type { FilmReading } from '../reading/read.ts';
import type { RequestPlan } from '../routing/plan-request.ts';
import type { ReadRequest } from '../routing/request.ts';
import type { Handshake } from './abort.ts';
import type { CriticalSection } from './native-lock.ts';
import type { Device } from './session.ts';

/** The data that a thread receives once, at its start. */
export type WorkerSetup = {
  readonly family: LoadedFamily;
  readonly device: Device;
  readonly threads: number;
  /** The variants to load and warm before the first film. */
  readonly warm: readonly string[];
  /** The log level of the thread; silent by default. */
  readonly log?: string;
};

/** The data of a thread plus the lock that protects native code. */
export type WorkerData = WorkerSetup & { readonly section: CriticalSection };

export type ReadTask = {
  readonly kind: 'read';
  readonly id: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
  readonly request: ReadRequest;
  readonly plan: RequestPlan;
};

/** Check the header of a DICOM instance and identify it, without decoding a pixel. */
export type InspectTask = {
  readonly kind: 'inspect';
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether the bytes are the whole file or its beginning. */
  readonly whole: boolean;
};

/** Decode a film for a picture of it. */
export type RenderTask = Omit<ReadTask, 'kind' | 'id' | 'request' | 'plan'> & { readonly kind: 'render' };

/** A task with a caller and a deadline. */
export type FilmTask = ReadTask | InspectTask | RenderTask;

export type Task = (FilmTask & { readonly handshake: Handshake }) | { readonly kind: 'warm' };

/** The result of each task. */
export type Answer = {
  readonly read: FilmReading;
  readonly inspect: Inspected;
  readonly render: Film;
  readonly warm: null;
};
