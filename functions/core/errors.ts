/** The message of whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A text without absolute paths and file URLs, because an answer must not reveal the file system of the server. */
export const withoutPaths = (text: string): string =>
  text
    .replaceAll(/file:\/\/\/?[^\s'"`)]+/g, '…')
    // A quoted path may contain spaces.
    .replaceAll(/(['"`])(?:\/|[A-Za-z]:\\)[^'"`\n]*\1/g, '…')
    .replaceAll(/(?<![\w.:/])(?:\/[^\s/'"`:;,)]+){2,}\/?|\b[A-Za-z]:\\[^\s'"`:;,)]+/g, '…');

/** The parts of an error that may be logged: name, code and stack. The message may quote patient data. */
export function redactedError(error: unknown): { readonly name: string; readonly at?: readonly string[] } {
  if (!(error instanceof Error)) return { name: typeof error };
  // The first lines of a stack repeat the message, so only the lines of frames are kept.
  const at = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return { name: error.name, ...('code' in error && { code: String(error.code) }), ...(at && { at }) };
}
