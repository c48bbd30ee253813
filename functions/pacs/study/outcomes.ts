import { canonical, sha256 } from '../../core/digest.ts';
import type { FilmOutcome } from '../../storage/film-outcomes.ts';
import type { StudyFilm } from './films.ts';
import type { Source, StudyDeps } from './handler.ts';

/** More films than a study of radiographs has. */
const mostKept = 1000;

/**
 * What became of the films of a study, by this software with these models as this PACS has them read: what was refused, and
 * under which UIDs results were stored. Without the record a film is pulled and read again; its results have the same UIDs.
 */
export async function openOutcomes(
  { router, platform: { filmOutcomes: store }, version }: Pick<StudyDeps, 'router' | 'platform' | 'version'>,
  { requestDigest, settings: { maxFilmMb, results }, verifyMs }: Source,
  pacs: string,
  tenant: string,
  studyInstanceUid: string,
) {
  const catalog = router.family.digest;
  const asked = { pacs, tenant, studyInstanceUid, catalog, requestDigest, version, maxFilmMb, results };
  // A PACS that does not tell when a file is replaced: the record holds for one interval, then films are pulled again.
  const interval = verifyMs === undefined ? undefined : Math.floor(Date.now() / verifyMs);
  const id = await sha256(canonical({ ...asked, interval }));
  const known = new Map((await store.get(id)).map((outcome) => [outcome.sopInstanceUid, outcome]));
  return {
    /** What became of a film, unless the PACS lists another header or file by now, or would not show that it does. */
    of({ place, listedAs, tellsFile }: StudyFilm): FilmOutcome | undefined {
      const outcome = known.get(place.sopInstanceUid);
      const wouldShow = tellsFile || interval !== undefined;
      return wouldShow && outcome?.listedAs === listedAs ? outcome : undefined;
    },
    async add(
      { place: { sopInstanceUid }, listedAs }: StudyFilm,
      { refused, stored }: Pick<FilmOutcome, 'refused' | 'stored'>,
    ): Promise<void> {
      // The same film may be stored again.
      if (refused?.code === 'film_gone') return;
      known.set(sopInstanceUid, { sopInstanceUid, listedAs, ...(refused && { refused }), ...(stored && { stored }) });
      await store.put(id, [...known.values()].slice(-mostKept));
    },
  };
}
