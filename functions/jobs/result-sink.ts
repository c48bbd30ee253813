import type { Fault } from '../core/fault.ts';
import type { Film } from '../core/film.ts';
import type { Result } from '../core/result.ts';
import type { FilmReading } from '../reading/read.ts';
import type { ReadRequest } from '../routing/request.ts';

/**
 * Send the results of a tenant's reading to a PACS of the tenant. Returns the SOP Instance UIDs that the PACS then holds.
 * The call may be repeated, because equal results have equal UIDs. `film` is called only if a picture of the film is
 * configured. `unchanged` is called immediately before storing. If the PACS has lost or replaced the film, nothing is
 * stored and the fault of `unchanged` is returned.
 */
export type StoreResults = (
  pacs: string,
  tenant: string,
  read: FilmReading,
  film: () => Promise<Result<Film, Fault>>,
  unchanged?: () => Promise<Result<void, Fault>>,
) => Promise<Result<readonly string[], Fault>>;

/** How the films of a PACS are read, and how it receives results. */
export type ResultSink = {
  readonly requestOf: (pacs: string) => ReadRequest | undefined;
  readonly storeResults: StoreResults;
  /** Remember the state of a film in a PACS. Returns the `unchanged` of {@link StoreResults}, or undefined where the PACS does not list the film. */
  readonly watchFilm?: (
    pacs: string,
    film: { readonly studyInstanceUid: string; readonly sopInstanceUid: string },
    signal: AbortSignal,
  ) => Promise<(() => Promise<Result<void, Fault>>) | undefined>;
};
