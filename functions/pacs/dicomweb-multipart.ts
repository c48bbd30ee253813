import { MaxFileSizeExceededError, MaxTotalSizeExceededError, MultipartParser } from '@remix-run/multipart-parser';
import { fail, ok, type Result } from '../pipeline/result.ts';
import { readBounded } from './exchange.ts';

/** The one DICOM file of an answer, read as it comes, so that no more than the file is ever held. */
export async function onlyPart(
  response: Response,
  limitBytes: number,
): Promise<Result<Uint8Array<ArrayBuffer>, 'too_large' | 'malformed'>> {
  const type = response.headers.get('content-type') ?? '';
  // Some servers send the single instance as it is.
  if (/^application\/dicom\s*(;|$)/i.test(type)) {
    const bytes = await readBounded(response, limitBytes);
    return bytes ? ok(new Uint8Array(bytes)) : fail('too_large');
  }
  const [, quoted, bare] = /^multipart\/related\b.*;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(type) ?? [];
  const boundary = quoted ?? bare;
  if (!boundary || !response.body) return fail('malformed');

  const parser = new MultipartParser(boundary, { maxFileSize: limitBytes, maxTotalSize: limitBytes });
  let started = false;
  try {
    for await (let chunk of response.body) {
      if (!started) {
        // A line break may stand before the first boundary (RFC 2046 5.1.1), which the parser does not take.
        chunk = chunk.subarray(
          Math.max(
            0,
            chunk.findIndex((byte) => byte !== 13 && byte !== 10),
          ),
        );
        started = chunk.some((byte) => byte !== 13 && byte !== 10);
        if (!started) continue;
      }
      for (const part of parser.write(chunk)) return ok(new Uint8Array(part.arrayBuffer));
    }
  } catch (error) {
    if (error instanceof MaxFileSizeExceededError || error instanceof MaxTotalSizeExceededError)
      return fail('too_large');
    if (error instanceof Error && error.name === 'MultipartParseError') return fail('malformed');
    throw error;
  }
  return fail('malformed');
}
