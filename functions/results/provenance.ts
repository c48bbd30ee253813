import type { Threshold } from '../core/catalog.ts';
import type { FindingResult } from '../core/reading.ts';
import type { LoadedFamily } from '../models/load.ts';
import type { FilmReading } from '../reading/read.ts';
import { type DicomReading, type InstanceIdentity, type ResultIdentity, resultIdentity } from './identity.ts';

/** The software and the model family that make results. */
export type ResultMaker = {
  readonly family: Pick<LoadedFamily, 'catalog' | 'digest'>;
  /** Version of this software, as in package.json. */
  readonly version: string;
};

/** The maker and the identity of a result document. A reading contains neither. */
export type Provenance<Identity extends ResultIdentity = ResultIdentity> = ResultMaker & {
  readonly identity: Identity;
};
export type InstanceProvenance = Provenance<InstanceIdentity>;

/** The provenance of all results of one reading. */
export function provenanceOf(read: DicomReading, maker: ResultMaker, requestDigest: string): InstanceProvenance;
export function provenanceOf(read: FilmReading, maker: ResultMaker, requestDigest: string): Provenance;
export function provenanceOf(read: FilmReading, { family, version }: ResultMaker, requestDigest: string): Provenance {
  return { family, version, identity: resultIdentity(read, requestDigest) };
}

/** Sensitivity and specificity at the operating point of a finding. Undefined if the catalog has changed since the reading. */
export function operatingPoint(
  { family, identity }: Provenance,
  { finding, variant }: FindingResult,
): Threshold | undefined {
  if (family.digest !== identity.catalogDigest) return undefined;
  return family.catalog.variants.find(({ id }) => id === variant)?.heads[finding]?.threshold;
}
