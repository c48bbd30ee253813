import dicomParser, { type DataSet } from 'dicom-parser';

/** A content item, parsed by another library than the writer's. */
export type Node = {
  readonly relationship: string | undefined;
  readonly type: string | undefined;
  /** `value^scheme`, as {@link codeOf} writes it. */
  readonly concept: string | undefined;
  /** A code, text, UID, date or number as text; for an image its SOP Instance UID. */
  readonly value: string | undefined;
  readonly unit: string | undefined;
  readonly template: string | undefined;
  readonly children: readonly Node[];
};

export const codeOf = ({ value, scheme }: { readonly value: string; readonly scheme: string }) => `${value}^${scheme}`;

export const parse = (bytes: Uint8Array): DataSet => dicomParser.parseDicom(bytes);

/** dicom-parser decodes bytes as Latin 1; these are UTF-8. */
export function utf8(dataset: DataSet, tag: string): string | undefined {
  const element = dataset.elements[tag];
  if (!element) return undefined;
  const bytes = dataset.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/[\0 ]+$/, '');
}

export const items = (dataset: DataSet, tag: string): DataSet[] =>
  (dataset.elements[tag]?.items ?? []).flatMap((item) => (item.dataSet ? [item.dataSet] : []));

function code(dataset: DataSet, tag: string): string | undefined {
  const [item] = items(dataset, tag);
  return item && `${utf8(item, 'x00080100')}^${utf8(item, 'x00080102')}`;
}

export function tree(dataset: DataSet): Node {
  const [measured] = items(dataset, 'x0040a300');
  const [referenced] = items(dataset, 'x00081199');
  const [template] = items(dataset, 'x0040a504');
  return {
    relationship: utf8(dataset, 'x0040a010'),
    type: utf8(dataset, 'x0040a040'),
    concept: code(dataset, 'x0040a043'),
    value:
      code(dataset, 'x0040a168') ??
      (measured && utf8(measured, 'x0040a30a')) ??
      (referenced && utf8(referenced, 'x00081155')) ??
      ['x0040a160', 'x0040a124', 'x0040a121', 'x0040a122'].map((tag) => utf8(dataset, tag)).find(Boolean),
    unit: measured && code(measured, 'x004008ea'),
    template: template && utf8(template, 'x0040db00'),
    children: items(dataset, 'x0040a730').map(tree),
  };
}

/** All codes in a file. */
export function codesIn(
  dataset: DataSet,
): { readonly value: string; readonly scheme: string; readonly meaning: string }[] {
  const value = utf8(dataset, 'x00080100');
  const own = value
    ? [{ value, scheme: utf8(dataset, 'x00080102') ?? '', meaning: utf8(dataset, 'x00080104') ?? '' }]
    : [];
  return [...own, ...Object.keys(dataset.elements).flatMap((tag) => items(dataset, tag).flatMap(codesIn))];
}
