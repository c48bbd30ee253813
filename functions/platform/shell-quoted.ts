/**
 * Quote any text as one word of a POSIX shell. Control characters become printf escapes, because a terminal may act on them
 * when a line is pasted. The web page has the same function (functions/web/page.js).
 */
export function shellQuoted(text: string): string {
  if (/^[\w./:@%+,=-]+$/.test(text)) return text;
  const quoted = text.replaceAll("'", "'\\''");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters except the line feed.
  return `'${quoted.replace(/[\x01-\x09\x0b-\x1f\x7f]/g, (control) => `'"$(printf '\\${octal(control)}')"'`)}'`;
}

const octal = (character: string) => character.charCodeAt(0).toString(8).padStart(3, '0');

/** Quote a path, so that no command parses it as an option (`-x`) or as standard input (`-`). */
export const quotedPath = (path: string): string => shellQuoted(path.startsWith('-') ? `./${path}` : path);
