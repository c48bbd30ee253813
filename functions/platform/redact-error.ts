/** The parts of an error that may be logged: name, code and stack. The message may quote patient data. */
export function withoutData(error: unknown): { readonly name: string; readonly at?: readonly string[] } {
  if (!(error instanceof Error)) return { name: typeof error };
  const at = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return { name: error.name, ...('code' in error && { code: String(error.code) }), ...(at && { at }) };
}
