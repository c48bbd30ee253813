import type { Instance } from '../core/instance.ts';
import type { Reading } from '../core/reading.ts';
import type { LoadedFamily } from '../models/load.ts';
import type { Read } from '../reading/read.ts';

/** Who made a result, and of which request: what the objects that go out say besides the reading. */
export type About = {
  readonly family: Pick<LoadedFamily, 'catalog' | 'digest'>;
  /** Of this software, as in package.json. */
  readonly version: string;
  /**
   * What {@link resultUids} was given: the digest of the policy where the default request is answered unasked, as for
   * a PACS; otherwise the reading's id.
   */
  readonly requestDigest: string;
};

/** A reading of a DICOM instance: only such a one can go back into a study. */
export type IdentifiedRead = Read & { readonly instance: Instance };

/** Of the catalog that a reading was made with, in hexadecimal: a stored reading may be older than the family in use. */
export const catalogDigest = ({ catalog }: Reading): string => catalog.slice('sha256:'.length);
