import { manufacturer } from '../pipeline/decode/dicom/own.ts';
import { sopClasses } from '../pipeline/decode/dicom/sop-classes.ts';
import type { Fault } from '../pipeline/fault.ts';
import { ok, type Result } from '../pipeline/result.ts';
import type { DicomWeb, Place } from './dicomweb.ts';
import { type Attributes, digestOf, isUid, tags, text } from './dicomweb-json.ts';
import { resultSeries } from './uid.ts';

/** A film of a study, and the results it has or will have. */
export type StudyFilm = {
  readonly place: Place;
  /** A digest of what the PACS says of it, the header's reasons for a refusal among that. */
  readonly listedAs: string;
  /** The SOP Instance UIDs of its results. */
  readonly results: readonly string[];
  /** The PACS holds all of them: the film is neither read nor pulled again. */
  readonly hasResults: boolean;
};

type Wanted = {
  readonly modalities: readonly string[];
  readonly results: readonly ('sr' | 'sc')[];
  readonly catalogDigest: string;
  readonly requestDigest: string;
};

/** What is asked of an instance. */
const looked = [tags.sopClassUid, tags.bodyPartExamined, tags.viewPosition];

const readable = new Set(sopClasses.map(({ uid }) => uid));

/** The films of a study as the PACS lists them. Own objects are none, whatever their modality. */
export async function studyFilms(
  { search }: Pick<DicomWeb, 'search'>,
  studyInstanceUid: string,
  { modalities, results, catalogDigest, requestDigest }: Wanted,
  signal: AbortSignal,
): Promise<Result<readonly StudyFilm[], Fault>> {
  const study = `/studies/${studyInstanceUid}`;
  const instancesOf = (series: string) =>
    search(`${study}/series/${series}/instances`, { includefield: looked.join() }, signal);
  const seriesOf = (sopInstanceUid: string) =>
    resultSeries({ studyInstanceUid, sopInstanceUid }, catalogDigest, requestDigest);

  const listed = await search(`${study}/series`, { includefield: `${tags.modality},${tags.manufacturer}` }, signal);
  if (!listed.ok) return listed;
  const series = listed.value.filter((one) => isUid(text(one, tags.seriesInstanceUid)));
  const own = (one: Attributes) => text(one, tags.manufacturer) === manufacturer;

  const places: { readonly place: Place; readonly listedAs: string }[] = [];
  for (const one of series.filter((one) => !own(one) && modalities.includes(text(one, tags.modality) ?? ''))) {
    const seriesInstanceUid = uid(one, tags.seriesInstanceUid);
    const instances = await instancesOf(seriesInstanceUid);
    if (!instances.ok) return instances;
    for (const instance of instances.value) {
      const sopInstanceUid = uid(instance, tags.sopInstanceUid);
      if (!isUid(sopInstanceUid) || !readable.has(uid(instance, tags.sopClassUid))) continue;
      const place = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
      places.push({ place, listedAs: digestOf(instance) });
    }
  }

  // Not every PACS lists a series with its manufacturer.
  const ofResults = new Set(places.flatMap(({ place }) => Object.values(seriesOf(place.sopInstanceUid))));
  const films: StudyFilm[] = [];
  const listedSeries = new Set(series.map((one) => uid(one, tags.seriesInstanceUid)));
  for (const { place, listedAs } of places.filter(({ place }) => !ofResults.has(place.seriesInstanceUid))) {
    const { srSeries, scSeries } = seriesOf(place.sopInstanceUid);
    const held: string[][] = [];
    for (const one of results.map((kind) => ({ sr: srSeries, sc: scSeries })[kind])) {
      const instances = listedSeries.has(one) ? await instancesOf(one) : ok([]);
      if (!instances.ok) return instances;
      held.push(instances.value.map((instance) => uid(instance, tags.sopInstanceUid)));
    }
    films.push({ place, listedAs, results: held.flat(), hasResults: held.every((ofKind) => ofKind.length > 0) });
  }
  return ok(films);
}

const uid = (attributes: Attributes, tag: string) => text(attributes, tag) ?? '';
