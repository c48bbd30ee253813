import type { Catalog } from '../core/catalog.ts';
import type { FindingResult, RoutedOperatingPoint } from '../core/reading.ts';

/** The operating point of a result. In readings of earlier versions only the name is certain. */
export type KnownOperatingPoint = Pick<RoutedOperatingPoint, 'name'> & Partial<RoutedOperatingPoint>;

/**
 * The operating point of a result. Readings of earlier versions have the one that is `balanced` today.
 *
 * @param catalog the catalog that made the reading, if it is in service.
 */
export function operatingPointOf(
  { finding, variant, operatingPoint, threshold: { sensitivity, specificity } }: FindingResult,
  catalog: Catalog | undefined,
): KnownOperatingPoint {
  if (operatingPoint) return operatingPoint;
  if (sensitivity !== undefined && specificity !== undefined)
    return { name: 'balanced', sensitivity: { value: sensitivity }, specificity: { value: specificity } };
  const head = catalog?.variants.find(({ id }) => id === variant)?.heads[finding];
  const balanced = head?.operatingPoints.balanced;
  return { name: 'balanced', ...(head && balanced && { ...balanced, prevalence: head.prevalence }) };
}
