import { fail, ok, type Result } from '../../core/result.ts';
import { isPart10 } from '../../decode/sniff.ts';
import { contentType, MultipartError, partsOf } from '../../platform/multipart.ts';
import { readBounded } from './http.ts';

/** Whether a media type can be the type of a DICOM file. Some servers send another type, or none. */
const isDicom = (mediaType: string) => ['', 'application/dicom', 'application/octet-stream'].includes(mediaType);

/** Read the DICOM file of a WADO-RS response. The response is parsed as a stream, so memory holds only the file. */
export async function readDicomFile(
  response: Response,
  limitBytes: number,
): Promise<Result<Uint8Array<ArrayBuffer>, 'too_large' | 'malformed'>> {
  const { type, parameters } = contentType(response.headers.get('content-type') ?? '');
  if (!type.startsWith('multipart/')) {
    // Some servers send a single instance without multipart.
    if (!isDicom(type)) return fail('malformed');
    const bytes = await readBounded(response.body, limitBytes);
    if (!bytes) return fail('too_large');
    return type === 'application/dicom' || isPart10(bytes) ? ok(bytes) : fail('malformed');
  }
  const boundary = parameters.get('boundary');
  if (!boundary || !response.body) return fail('malformed');
  const chunks = chunksOf(response.body);
  try {
    for await (const part of partsOf(chunks, boundary)) {
      if (!isDicom(part.mediaType)) continue;
      const bytes = await readBounded(part.bytes, limitBytes);
      return bytes ? ok(bytes) : fail('too_large');
    }
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error;
  } finally {
    // Cancel the rest of the response, because it is not needed.
    await chunks.return();
  }
  return fail('malformed');
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  yield* body;
}
