import { randomUUID } from 'node:crypto';
import { tags } from '../../core/dicom-dictionary.ts';
import { AttributesList, text } from './json.ts';

const crlf = '\r\n';

/** The body of a STOW-RS request with DICOM files (PS3.18 10.5.1). */
export function stowBody(instances: readonly Uint8Array[]): { contentType: string; body: Uint8Array<ArrayBuffer> } {
  const boundary = `alara-${randomUUID()}`;
  const parts = instances.flatMap((bytes) => [
    Buffer.from(`--${boundary}${crlf}Content-Type: application/dicom${crlf}${crlf}`),
    bytes,
    Buffer.from(crlf),
  ]);
  return {
    contentType: `multipart/related; type="application/dicom"; boundary=${boundary}`,
    body: new Uint8Array(Buffer.concat([...parts, Buffer.from(`--${boundary}--${crlf}`)])),
  };
}

/**
 * The stored instances: the SOP Instance UIDs in the Referenced SOP Sequence of a STOW-RS response (PS3.18 I.2). The status
 * and the Failed SOP Sequence are not used, because servers omit failed instances from the Failed SOP Sequence.
 */
export function storedInstances(answer: unknown): string[] {
  const [dataSet] = AttributesList.safeParse(answer).data ?? [];
  const stored = AttributesList.safeParse(dataSet?.[tags.referencedSopSequence]?.Value ?? []).data ?? [];
  return stored.map((item) => text(item, tags.referencedSopInstanceUid)).filter((uid) => uid !== undefined);
}
