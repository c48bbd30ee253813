import { canonical, sha256 } from '../../core/digest.ts';
import type { Router } from '../../inference/router.ts';
import type { FilmOutcome } from '../../storage/pacs-state.ts';
import type { Platform } from '../../storage/platform.ts';
import type { StudyFilm } from './films.ts';
import type { Source } from './source.ts';

/** Limit of recorded films per study. No study of radiographs has so many films. */
const maxFilms = 1000;

type OutcomeDeps = {
  readonly router: { readonly family: Pick<Router['family'], 'digest'> };
  readonly platform: Pick<Platform, 'filmOutcomes'>;
  /** Version of this software. */
  readonly version: string;
};

/**
 * Load the film outcomes of a study: the fault of a refused film, or the UIDs of the stored results. The record is valid for
 * one software version, one model family and one request of the PACS. Without the record, a film is downloaded and read again, and
 * its results have the same UIDs.
 */
export async function openOutcomes(
  { router, platform: { filmOutcomes: store }, version }: OutcomeDeps,
  { requestDigest, settings: { maxFilmMb, results }, verifyMs }: Source,
  pacs: string,
  tenant: string,
  studyInstanceUid: string,
) {
  const catalog = router.family.digest;
  const recordKey = { pacs, tenant, studyInstanceUid, catalog, requestDigest, version, maxFilmMb, results };
  // If the PACS does not show that a file was replaced, the record is valid for one interval. Then films are downloaded again.
  const interval = verifyMs === undefined ? undefined : Math.floor(Date.now() / verifyMs);
  const id = await sha256(canonical({ ...recordKey, interval }));
  const known = new Map((await store.get(id)).map((outcome) => [outcome.sopInstanceUid, outcome]));
  return {
    /** The outcome of a film. Undefined if the listing changed, or if the PACS would not show a change. */
    of({ uids, listedAs, detectsReplacement }: StudyFilm): FilmOutcome | undefined {
      const outcome = known.get(uids.sopInstanceUid);
      const showsReplacement = detectsReplacement || interval !== undefined;
      return showsReplacement && outcome?.listedAs === listedAs ? outcome : undefined;
    },
    async add(
      { uids: { sopInstanceUid }, listedAs }: StudyFilm,
      { refused, stored }: Pick<FilmOutcome, 'refused' | 'stored'>,
    ): Promise<void> {
      // The film may be stored again later, so its absence is no final outcome.
      if (refused?.code === 'film_gone') return;
      known.set(sopInstanceUid, { sopInstanceUid, listedAs, ...(refused && { refused }), ...(stored && { stored }) });
      await store.put(id, [...known.values()].slice(-maxFilms));
    },
  };
}
