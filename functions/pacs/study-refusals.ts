import { canonical, sha256 } from '../pipeline/request.ts';
import type { Refusal } from '../platform/refusals.ts';
import type { Source, StudyDeps } from './study.ts';
import type { StudyFilm } from './study-films.ts';

/** More films than a study of radiographs has. */
const mostKept = 1000;

/** Which films of a study were refused, by this software with these models as this PACS has them read. */
export async function openRefusals(
  { router, platform: { refusals: store }, version }: Pick<StudyDeps, 'router' | 'platform' | 'version'>,
  { requestDigest, settings: { maxFilmMb } }: Source,
  pacs: string,
  tenant: string,
  studyInstanceUid: string,
) {
  const catalog = router.family.digest;
  const asked = { pacs, tenant, studyInstanceUid, catalog, requestDigest, version, maxFilmMb };
  const id = await sha256(new TextEncoder().encode(canonical(asked)));
  const known = new Map((await store.get(id)).map((refusal) => [refusal.sopInstanceUid, refusal]));
  return {
    /** Why a film was refused, unless the PACS says something else of it by now: its header may be corrected. */
    of({ place, listedAs }: StudyFilm): Refusal['refused'] | undefined {
      const refusal = known.get(place.sopInstanceUid);
      return refusal?.listedAs === listedAs ? refusal.refused : undefined;
    },
    async add({ place: { sopInstanceUid }, listedAs }: StudyFilm, refused: Refusal['refused']): Promise<void> {
      known.set(sopInstanceUid, { sopInstanceUid, listedAs, refused });
      await store.put(id, [...known.values()].slice(-mostKept));
    },
  };
}
