/** One part of a multipart body. The bytes come as they arrive; bytes that are not read are skipped. */
export type Part = {
  /** In lower case, without parameters; empty where the part does not say. */
  readonly mediaType: string;
  /** The field of a form (RFC 7578). */
  readonly name: string | undefined;
  /** The file name of a form's file. It may contain patient data. */
  readonly filename?: string | undefined;
  readonly bytes: AsyncIterable<Uint8Array>;
};

/** A body that is not what RFC 2046 says. The message is for the sender. */
export class MultipartError extends Error {
  override name = 'MultipartError';
}

/** The limit of the headers of a part, of the text before the first part, and of the text after the last part. */
const maxAsideBytes = 16_384;

/**
 * The parts of a multipart body (RFC 2046 5.1.1), one after the other, with no more of it in memory than the network
 * brings at once. Lines may end in CRLF or, as some servers write them, in LF; a part may have no headers. Throws
 * {@link MultipartError} where the body breaks off or its parts cannot be told apart.
 */
export async function* partsOf(body: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Part, void> {
  const chunks = body[Symbol.asyncIterator]();
  // The line break before a boundary belongs to the boundary. Before the first one there may be none, and what it is
  // shows at the end of the first boundary's line.
  let held: Buffer = Buffer.from('\n');
  let lineEnd: '\r\n' | '\n' | undefined;
  let delimiter = Buffer.from(`\n--${boundary}`);

  async function more(): Promise<void> {
    const { done, value } = await chunks.next();
    if (done) throw new MultipartError('it ends before the closing boundary');
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.length);
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
  }

  /** The bytes before the next boundary, chunk by chunk; afterwards `held` begins behind the boundary. */
  async function* upToBoundary(): AsyncGenerator<Buffer, 'part' | 'end'> {
    let from = 0;
    for (;;) {
      const at = held.indexOf(delimiter, from);
      // A boundary may be cut in two by the network: its length stays behind.
      const before = at < 0 ? Math.max(0, held.length - delimiter.length + 1) : at;
      if (before > 0) yield held.subarray(0, before);
      held = held.subarray(before);
      from = 0;
      if (at >= 0) {
        const line = await restOfLine();
        if (line !== 'longer') return line;
        // Another, longer boundary that begins alike: bytes of the part.
        from = 1;
      } else await more();
    }
  }

  /** What a boundary at the beginning of `held` is: its line ends here, or it goes on. */
  async function restOfLine(): Promise<'part' | 'end' | 'longer'> {
    for (let end = delimiter.length; ; end++) {
      while (held.length < end + 2) await more();
      const next = held.toString('latin1', end, end + 2);
      if (next === '--' && end === delimiter.length) {
        held = held.subarray(end + 2);
        return 'end';
      }
      const ending = next === '\r\n' ? next : next.startsWith('\n') ? '\n' : undefined;
      if (ending) {
        lineEnd ??= ending;
        delimiter = Buffer.from(`${lineEnd}--${boundary}`);
        held = held.subarray(end + ending.length);
        return 'part';
      }
      // RFC 2046: white space may pad the line.
      const isPadding = next.startsWith(' ') || next.startsWith('\t');
      if (!isPadding || end > delimiter.length + 256) return 'longer';
    }
  }

  /** The headers of a part, each on one line; afterwards `held` begins with the bytes of the part. */
  async function headers(): Promise<string[]> {
    const lines: string[] = [];
    if (held.length === 0) await more();
    // Without headers the empty line may be missing as well: no file that is read begins as a header does.
    if (!/[\w\r\n]/.test(held.toString('latin1', 0, 1))) return lines;
    for (let length = 0; ; ) {
      let end = held.indexOf('\n');
      while (end < 0 && length + held.length <= maxAsideBytes) {
        await more();
        end = held.indexOf('\n');
      }
      length += end + 1;
      if (end < 0 || length > maxAsideBytes) throw new MultipartError('the headers of a part are too long');
      const line = held.toString('utf8', 0, end).replace(/\r$/, '');
      held = held.subarray(end + 1);
      if (line === '') return lines;
      // RFC 5322 2.2.3: a line that begins with white space continues the header before it.
      if (/^[ \t]/.test(line) && lines.length > 0) lines.push(`${lines.pop()}${line}`);
      else lines.push(line);
    }
  }

  async function describe(): Promise<Omit<Part, 'bytes'>> {
    const lines = await headers();
    const header = (name: RegExp) => contentType(lines.find((line) => name.test(line))?.replace(name, '') ?? '');
    const disposition = header(/^content-disposition\s*:/i).parameters;
    return {
      mediaType: header(/^content-type\s*:/i).type,
      name: disposition.get('name'),
      filename: disposition.get('filename'),
    };
  }

  async function skip(chunks: AsyncGenerator<Buffer, 'part' | 'end'>, limit: number): Promise<'part' | 'end'> {
    for (let skipped = 0; ; ) {
      const next = await chunks.next();
      if (next.done) return next.value;
      skipped += next.value.length;
      if (skipped > limit) throw new MultipartError('the boundary of its Content-Type is not in it');
    }
  }

  let found = await skip(upToBoundary(), maxAsideBytes);
  while (found === 'part') {
    const described = await describe();
    const chunks = upToBoundary();
    let end: 'part' | 'end' | undefined;
    yield {
      ...described,
      bytes: {
        async *[Symbol.asyncIterator]() {
          for (;;) {
            const next = await chunks.next();
            if (next.done) {
              end = next.value;
              return;
            }
            yield next.value;
          }
        },
      },
    };
    found = end ?? (await skip(chunks, Number.POSITIVE_INFINITY));
  }
  // Read to its end, so that the connection can be used again.
  for (let epilogue = held.length; ; ) {
    const { done, value } = await chunks.next();
    if (done) return;
    epilogue += value.length;
    if (epilogue > maxAsideBytes) throw new MultipartError('something follows the closing boundary');
  }
}

/**
 * A header of a value and parameters, as Content-Type (RFC 9110 8.3.1) and Content-Disposition (RFC 6266, with parameters
 * such as `filename*` of RFC 8187): the value in lower case, and the parameters by name.
 */
export function contentType(header: string): {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
} {
  const [type = ''] = header.split(';');
  const parameters = new Map<string, string>();
  // Many senders leave out the quotes that the slash of a media type asks for.
  for (const [, name = '', quoted, bare] of header.matchAll(
    /;\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/g,
  ))
    parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? '');
  return { type: type.trim().toLowerCase(), parameters };
}
