import type { Fault } from '../../core/fault.ts';
import type { Router } from '../../inference/router.ts';
import type { Logger } from '../../platform/log.ts';
import type { PacsSettings } from '../config.ts';
import { createDicomWeb, type DicomWeb } from '../dicomweb/client.ts';
import { createOrthanc, type Orthanc } from '../orthanc/client.ts';
import { type PacsRequest, pacsRequest } from '../request.ts';
import { type FilmList, filmsOf } from './films.ts';

/** A PACS whose studies are read. */
export type Source = PacsRequest & {
  readonly dicomWeb: Pick<DicomWeb, 'search' | 'retrieve'>;
  readonly films: FilmList;
  /** Interval at which films are downloaded and compared. Only for a PACS that does not show that a file was replaced. */
  readonly verifyMs?: number | undefined;
  readonly settings: Pick<PacsSettings, 'tenant' | 'modalities' | 'results' | 'maxFilmMb'>;
};

/** A source with its clients. */
export type ConnectedSource = Source & { readonly dicomWeb: DicomWeb; readonly orthanc: Orthanc | undefined };

/** Create the clients of a PACS. Sends no request. Throws ConfigError if no model can serve the request of its settings. */
export function connectSource(
  name: string,
  settings: PacsSettings,
  router: Router,
  log: Logger,
  stopped: AbortSignal,
): ConnectedSource {
  const dicomWeb = createDicomWeb({ name, baseUrl: settings.dicomWeb, ...settings });
  const { poll } = settings;
  const orthanc =
    settings.orthanc === undefined
      ? undefined
      : createOrthanc({ name, baseUrl: settings.orthanc, ...settings }, stopped);
  let isLogged = false;
  function logRefusal(fault: Fault): void {
    if (isLogged) return;
    isLogged = true;
    log.warn(
      { pacs: name, fault },
      'Orthanc refuses the digests of files: films are downloaded again to detect replaced files; alara doctor prints the fix',
    );
  }
  return {
    settings,
    dicomWeb,
    orthanc,
    films: filmsOf(dicomWeb, settings.modalities, orthanc, logRefusal),
    verifyMs: poll && !orthanc ? poll.verifyMinutes * 60_000 : undefined,
    ...pacsRequest(name, settings, router),
  };
}
