import type { Fault } from '../core/fault.ts';
import type { Film } from '../core/film.ts';
import type { Result } from '../core/result.ts';
import type { Read } from '../reading/read.ts';
import type { ReadRequest } from '../routing/request.ts';

/**
 * Send what came of a tenant's reading to a PACS of its own: the SOP Instance UIDs that it holds afterwards. Again is
 * safe, because equal results have equal UIDs. The film is asked for only where a picture of it is wanted. `unchanged` is
 * asked immediately before storing: its fault, that the PACS has lost or replaced the film, is returned instead.
 */
export type Deliver = (
  pacs: string,
  tenant: string,
  read: Read,
  film: () => Promise<Result<Film, Fault>>,
  unchanged?: () => Promise<Result<void, Fault>>,
) => Promise<Result<readonly string[], Fault>>;

/** How a PACS has its films read, and where their results go. */
export type Receivers = {
  readonly requestOf: (pacs: string) => ReadRequest | undefined;
  readonly deliver: Deliver;
  /** Begin to watch a film in a PACS: what `deliver` asks before it stores, undefined where the PACS does not list the film. */
  readonly watchFilm?: (
    pacs: string,
    film: { readonly studyInstanceUid: string; readonly sopInstanceUid: string },
    signal: AbortSignal,
  ) => Promise<(() => Promise<Result<void, Fault>>) | undefined>;
};
