/** One part of a multipart body. Its bytes come as they arrive; what is not read of them is skipped. */
export type Part = {
  readonly mediaType: string;
  /** Of a form (RFC 7578): the field, and whether it holds a file. */
  readonly name: string | undefined;
  readonly isFile: boolean;
  readonly bytes: AsyncIterable<Uint8Array>;
};

/** A body that is not what RFC 2046 says. The message is for the sender. */
export class MultipartError extends Error {
  override name = 'MultipartError';
}

/** Of the lines before the bytes of a part, of what stands before the first part, and of what follows the last. */
const maxAsideBytes = 16_384;
const lineEnd = Buffer.from('\r\n');
const headersEnd = Buffer.from('\r\n\r\n');

/**
 * The parts of a multipart body (RFC 2046 5.1.1), one after the other, with no more of it in memory than the network
 * brings at once. Throws {@link MultipartError} where the body breaks off or its parts cannot be told apart.
 */
export async function* partsOf(body: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Part, void> {
  // The line break before a boundary belongs to it. The first may stand at the very beginning.
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const chunks = body[Symbol.asyncIterator]();
  let held: Buffer = lineEnd;

  async function more(): Promise<void> {
    const { done, value } = await chunks.next();
    if (done) throw new MultipartError('it ends before the closing boundary');
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.length);
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
  }

  /** What stands before the next boundary, piece by piece; afterwards `held` begins behind it. */
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
      const next = held.subarray(end, end + 2).toString('latin1');
      if (next === '--' && end === delimiter.length) {
        held = held.subarray(end + 2);
        return 'end';
      }
      if (next === '\r\n') {
        // Kept: the empty line that ends headers may follow at once.
        held = held.subarray(end);
        return 'part';
      }
      // RFC 2046: white space may pad the line.
      const padding = next.startsWith(' ') || next.startsWith('\t');
      if (!padding || end > delimiter.length + 256) return 'longer';
    }
  }

  async function describe(): Promise<Omit<Part, 'bytes'>> {
    let end = held.indexOf(headersEnd);
    while (end < 0) {
      if (held.length > maxAsideBytes) throw new MultipartError('the headers of a part are too long');
      await more();
      end = held.indexOf(headersEnd);
    }
    const lines = held.subarray(0, end).toString('utf8').split('\r\n');
    held = held.subarray(end + headersEnd.length);
    const first = (pattern: RegExp) => lines.map((line) => pattern.exec(line)?.[1]).find((found) => found) ?? '';
    const { parameters } = contentType(first(/^content-disposition\s*:(.*)/i));
    return {
      mediaType: first(/^content-type\s*:\s*([^;\s]+)/i).toLowerCase(),
      name: parameters.get('name'),
      isFile: parameters.has('filename'),
    };
  }

  async function skip(pieces: AsyncGenerator<Buffer, 'part' | 'end'>, limit: number): Promise<'part' | 'end'> {
    for (let skipped = 0; ; ) {
      const next = await pieces.next();
      if (next.done) return next.value;
      skipped += next.value.length;
      if (skipped > limit) throw new MultipartError('the boundary of its Content-Type is not in it');
    }
  }

  let found = await skip(upToBoundary(), maxAsideBytes);
  while (found === 'part') {
    const described = await describe();
    const pieces = upToBoundary();
    let end: 'part' | 'end' | undefined;
    yield {
      ...described,
      bytes: {
        async *[Symbol.asyncIterator]() {
          for (;;) {
            const next = await pieces.next();
            if (next.done) {
              end = next.value;
              return;
            }
            yield next.value;
          }
        },
      },
    };
    found = end ?? (await skip(pieces, Number.POSITIVE_INFINITY));
  }
  // Read to its end, so that the connection can be used again.
  for (let epilogue = held.length; ; ) {
    const { done, value } = await chunks.next();
    if (done) return;
    epilogue += value.length;
    if (epilogue > maxAsideBytes) throw new MultipartError('something follows the closing boundary');
  }
}

/** A Content-Type header: the type, and its parameters by name (RFC 9110 8.3.1). */
export function contentType(header: string): {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
} {
  const [type = ''] = header.split(';');
  const parameters = new Map<string, string>();
  // Many senders leave out the quotes that the slash of a media type asks for.
  for (const [, name = '', quoted, bare] of header.matchAll(/;\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/g))
    parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? '');
  return { type: type.trim().toLowerCase(), parameters };
}
