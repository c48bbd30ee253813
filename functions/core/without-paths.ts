/** A text without absolute paths and file URLs, because an answer must not reveal the file system of the server. */
export const withoutPaths = (text: string): string =>
  text
    .replaceAll(/file:\/\/\/?[^\s'"`)]+/g, '…')
    // A quoted path may contain spaces.
    .replaceAll(/(['"`])(?:\/|[A-Za-z]:\\)[^'"`\n]*\1/g, '…')
    .replaceAll(/(?<![\w.:/])(?:\/[^\s/'"`:;,)]+){2,}\/?|\b[A-Za-z]:\\[^\s'"`:;,)]+/g, '…');
