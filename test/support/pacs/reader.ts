import type { Instance } from '../../../functions/core/instance.ts';
import type { Engine } from '../../../functions/inference/pool.ts';
import { openEngine, openRouter } from '../../../functions/inference/router.ts';
import { readConfig } from '../../../functions/platform/config.ts';
import type { FilmReading } from '../../../functions/reading/read.ts';
import type { DicomReading } from '../../../functions/results/identity.ts';
import { type InstanceProvenance, provenanceOf, type ResultMaker } from '../../../functions/results/provenance.ts';
import { parseParameters } from '../../../functions/routing/parameters.ts';
import { film } from '../service.ts';

/** A synthetic header with common difficulties: three scripts, an apostrophe, an odd number of bytes. */
export const instance: Instance = {
  sopClassUid: '1.2.840.10008.5.1.4.1.1.1.1',
  sopInstanceUid: '2.25.1001',
  seriesInstanceUid: '2.25.1002',
  studyInstanceUid: '2.25.1003',
  modality: 'DX',
  seriesNumber: '3',
  instanceNumber: '7',
  rows: 1024,
  columns: 1024,
  patient: {
    name: 'ALARA^TEST^Ä=山田^太郎=やまだ^たろう',
    id: "T-1<&>'",
    issuerOfId: 'ALARA TEST',
    birthDate: '19500131',
    sex: 'O',
  },
  study: {
    date: '20261101',
    time: '101530.25',
    id: 'S1',
    accessionNumber: 'ACC1',
    description: 'Thorax p.a. – Übersicht',
    referringPhysician: 'ALARA^REFERRER',
  },
};

/** The same header without its optional attributes. */
export const bare: Instance = {
  ...instance,
  seriesNumber: undefined,
  instanceNumber: undefined,
  patient: { name: undefined, id: undefined, issuerOfId: undefined, birthDate: undefined, sex: undefined },
  study: {
    date: undefined,
    time: undefined,
    id: undefined,
    accessionNumber: undefined,
    description: undefined,
    referringPhysician: undefined,
  },
};

export type Reader = {
  /** A real reading of a DICOM file, under the header of the file. */
  readDicom(bytes: Uint8Array, parameters?: Record<string, string>): Promise<DicomReading>;
  readonly maker: ResultMaker;
  /** The provenance of a reading. Has UIDs of result objects only for a reading of a DICOM instance. */
  provenance(read: FilmReading): InstanceProvenance;
  read(name: string, parameters?: Record<string, string>, header?: Instance): Promise<DicomReading>;
  close(): Promise<void>;
};

/** Real readings of the films in test/films by the bundled family, under a synthetic header. */
export async function openReader(): Promise<Reader> {
  const config = readConfig({ ALARA_LOG: 'silent', ALARA_DEADLINE_MS: '120000', ALARA_WORKERS: '1' });
  const router = openRouter(config);
  const engine: Engine = openEngine(router, config);
  await engine.ready;
  async function reading(bytes: Uint8Array<ArrayBuffer>, mediaType: string, parameters: Record<string, string>) {
    const request = parseParameters(parameters, router.vocabulary);
    if (!request.ok) throw new Error(request.fault.code);
    const id = await router.identify('local', bytes, request.value);
    const read = await engine.read({ id, bytes, mediaType, request: request.value });
    if (!read.ok) throw new Error(read.fault.code);
    return read.value;
  }
  const maker = { family: router.family, version: '0.1.0' };
  return {
    maker,
    provenance: (read) => provenanceOf(read as DicomReading, maker, 'digest'),
    async read(name, parameters = {}, header = instance) {
      const mediaType = name.endsWith('png') ? 'image/png' : 'image/jpeg';
      return { ...(await reading(film(name), mediaType, parameters)), instance: header };
    },
    async readDicom(bytes, parameters = {}) {
      const { reading: of, instance: header } = await reading(Uint8Array.from(bytes), 'application/dicom', parameters);
      if (!header) throw new Error('a DICOM file without a header');
      return { reading: of, instance: header };
    },
    close: () => engine.close(),
  };
}
