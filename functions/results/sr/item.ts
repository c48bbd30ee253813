import { type Code, units } from '../codes.ts';
import { decimal } from '../part10/values.ts';
import type { Dataset } from '../part10/write.ts';

/** The relationship of a content item to its parent (PS3.3 C.17.3.2.4). */
export type Relationship =
  | 'CONTAINS'
  | 'HAS ACQ CONTEXT'
  | 'HAS CONCEPT MOD'
  | 'HAS OBS CONTEXT'
  | 'INFERRED FROM'
  | 'SELECTED FROM';

/** One node of the content tree (PS3.3 C.17.3). */
export type Item = Dataset;

export const codeSequenceItem = ({ value, scheme, meaning }: Code): Dataset => ({
  CodeValue: value,
  CodingSchemeDesignator: scheme,
  CodeMeaning: meaning,
});

const item = (
  relationship: Relationship,
  valueType: string,
  concept: Code | null,
  value: Dataset,
  children: readonly Item[],
): Item => ({
  RelationshipType: relationship,
  ValueType: valueType,
  ConceptNameCodeSequence: concept ? [codeSequenceItem(concept)] : undefined,
  ...value,
  ContentSequence: children.length > 0 ? children : undefined,
});

export const code = (by: Relationship, concept: Code, value: Code, children: readonly Item[] = []) =>
  item(by, 'CODE', concept, { ConceptCodeSequence: [codeSequenceItem(value)] }, children);

export const text = (by: Relationship, concept: Code, value: string, children: readonly Item[] = []) =>
  item(by, 'TEXT', concept, { TextValue: value }, children);

export const uidReference = (by: Relationship, concept: Code, uid: string) =>
  item(by, 'UIDREF', concept, { UID: uid }, []);

export const date = (by: Relationship, concept: Code, value: string) => item(by, 'DATE', concept, { Date: value }, []);
export const time = (by: Relationship, concept: Code, value: string) => item(by, 'TIME', concept, { Time: value }, []);

export const number = (
  by: Relationship,
  concept: Code,
  value: number,
  children: readonly Item[] = [],
  unit: Code = units.one,
) =>
  item(
    by,
    'NUM',
    concept,
    {
      MeasuredValueSequence: [{ NumericValue: decimal(value), MeasurementUnitsCodeSequence: [codeSequenceItem(unit)] }],
    },
    children,
  );

export const image = (
  by: Relationship,
  concept: Code | null,
  { sopClassUid, sopInstanceUid }: { readonly sopClassUid: string; readonly sopInstanceUid: string },
  children: readonly Item[] = [],
) =>
  item(
    by,
    'IMAGE',
    concept,
    {
      ReferencedSOPSequence: [{ ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid }],
    },
    children,
  );

/** Points of an image, as column and row from the top left corner (PS3.3 C.18.6). */
export const points = (
  by: Relationship,
  concept: Code,
  positions: readonly (readonly [column: number, row: number])[],
  selectedFrom: Item,
) => item(by, 'SCOORD', concept, { GraphicType: 'MULTIPOINT', GraphicData: positions.flat() }, [selectedFrom]);

/** A container. `template` is the identifier of the DCMR template that starts at this item. */
export const container = (concept: Code, children: readonly Item[], template?: string): Item => ({
  ...item('CONTAINS', 'CONTAINER', concept, { ContinuityOfContent: 'SEPARATE' }, children),
  ContentTemplateSequence: template ? contentTemplate(template) : undefined,
});

export const contentTemplate = (identifier: string): readonly Dataset[] => [
  // The DICOM Content Mapping Resource (PS3.6 Table A-1).
  { MappingResource: 'DCMR', MappingResourceUID: '1.2.840.10008.8.1.1', TemplateIdentifier: identifier },
];
