import { randomUUID } from 'node:crypto';
import { AttributesList, text } from './json.ts';

const crlf = '\r\n';

/** DICOM files as the body of a STOW-RS request (PS3.18 10.5.1). */
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

/** Referenced SOP Sequence: what was stored (PS3.18 I.2). Items that failed may be missing from the failed list. */
const referencedSopSequence = '00081199';
const referencedSopInstanceUid = '00081155';

/** The SOP Instance UIDs that an answer of STOW-RS lists as stored: they are counted, whatever its status says. */
export function storedInstances(answer: unknown): string[] {
  const [dataSet] = AttributesList.safeParse(answer).data ?? [];
  const stored = AttributesList.safeParse(dataSet?.[referencedSopSequence]?.Value ?? []).data ?? [];
  return stored.map((item) => text(item, referencedSopInstanceUid)).filter((uid) => uid !== undefined);
}
