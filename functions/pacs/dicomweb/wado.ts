import { fail, ok, type Result } from '../../core/result.ts';
import { isPart10 } from '../../decode/sniff.ts';
import { contentType, MultipartError, partsOf } from '../../platform/multipart.ts';
import { readBounded } from './http.ts';

/** The types under which servers send a DICOM file; they may leave the type out. */
const isDicom = (mediaType: string) => ['', 'application/dicom', 'application/octet-stream'].includes(mediaType);

/** The one DICOM file of an answer, read as it comes, so that no more than the file is ever held. */
export async function onlyPart(
  response: Response,
  limitBytes: number,
): Promise<Result<Uint8Array<ArrayBuffer>, 'too_large' | 'malformed'>> {
  const { type, parameters } = contentType(response.headers.get('content-type') ?? '');
  if (!type.startsWith('multipart/')) {
    // Some servers send the single instance as it is.
    if (!isDicom(type)) return fail('malformed');
    const bytes = await readBounded(response.body, limitBytes);
    if (!bytes) return fail('too_large');
    return type === 'application/dicom' || isPart10(bytes) ? ok(bytes) : fail('malformed');
  }
  const boundary = parameters.get('boundary');
  if (!boundary || !response.body) return fail('malformed');
  const chunks = piecesOf(response.body);
  try {
    for await (const part of partsOf(chunks, boundary)) {
      if (!isDicom(part.mediaType)) continue;
      const bytes = await readBounded(part.bytes, limitBytes);
      return bytes ? ok(bytes) : fail('too_large');
    }
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error;
  } finally {
    // What follows the file is not needed: this cancels the answer.
    await chunks.return();
  }
  return fail('malformed');
}

async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  yield* body;
}
