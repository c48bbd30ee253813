import { tags } from '../core/dicom-dictionary.ts';
import type { Fault } from '../core/fault.ts';
import type { Instance } from '../core/instance.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { isUidText } from '../core/uid.ts';
import type { DicomWeb } from './dicomweb/client.ts';
import { text } from './dicomweb/json.ts';
import type { FilmList } from './study/films.ts';

/** Those of the expected SOP Instance UIDs that the PACS lists in the study. */
export async function listedInstances(
  { search }: Pick<DicomWeb, 'search'>,
  { studyInstanceUid }: Pick<Instance, 'studyInstanceUid'>,
  expected: readonly string[],
  signal?: AbortSignal,
): Promise<Result<readonly string[], Fault>> {
  if (!isUidText(studyInstanceUid))
    return fail({ code: 'unusable_header', problem: 'the Study Instance UID is not a UID' });
  const found: string[] = [];
  for (const sopInstanceUid of expected) {
    const matches = await search(`/studies/${studyInstanceUid}/instances`, { SOPInstanceUID: sopInstanceUid }, signal);
    if (!matches.ok) return matches;
    if (matches.value.some((match) => text(match, tags.sopInstanceUid) === sopInstanceUid)) found.push(sopInstanceUid);
  }
  return ok(found);
}

/** Fails if the PACS no longer lists a film, or lists another header or file under the UID of the film. */
export async function checkUnchanged(
  films: Pick<FilmList, 'listedAs'>,
  film: Parameters<FilmList['listedAs']>[0],
  before: string,
  signal: AbortSignal,
): Promise<Result<void, Fault>> {
  const now = await films.listedAs(film, signal);
  if (!now.ok) return now;
  if (now.value === undefined) return fail({ code: 'film_gone' });
  return now.value === before ? ok(undefined) : fail({ code: 'film_replaced' });
}
