/** A text without absolute paths and file URLs: what callers are told shows nothing of where this machine keeps files. */
export const withoutPaths = (text: string): string =>
  text
    .replaceAll(/file:\/\/\/?[^\s'"`)]+/g, '…')
    // In quotes a path may hold spaces.
    .replaceAll(/(['"`])(?:\/|[A-Za-z]:\\)[^'"`\n]*\1/g, '…')
    .replaceAll(/(?<![\w.:/])(?:\/[^\s/'"`:;,)]+){2,}\/?|\b[A-Za-z]:\\[^\s'"`:;,)]+/g, '…');
