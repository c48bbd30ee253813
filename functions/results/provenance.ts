import type { FindingResult } from '../core/reading.ts';
import type { LoadedFamily } from '../models/load.ts';
import type { FilmReading } from '../reading/read.ts';
import { type DicomReading, type InstanceIdentity, type ResultIdentity, resultIdentity } from './identity.ts';
import { type KnownOperatingPoint, operatingPointOf } from './operating-point.ts';

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

/** The operating point of a result of a reading. */
export const operatingPointIn = ({ family, identity }: Provenance, result: FindingResult): KnownOperatingPoint =>
  operatingPointOf(result, family.digest === identity.catalogDigest ? family.catalog : undefined);
