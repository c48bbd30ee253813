/** The parts of an error that may be logged: name, code and stack. The message may quote patient data. */
export function redactedError(error: unknown): { readonly name: string; readonly at?: readonly string[] } {
  if (!(error instanceof Error)) return { name: typeof error };
  // The first lines of a stack repeat the message, so only the lines of frames are kept.
  const at = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return { name: error.name, ...('code' in error && { code: String(error.code) }), ...(at && { at }) };
}
