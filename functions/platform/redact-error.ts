/** What a log may hold of an error: where it came from. Its message may quote what was worked on, which can name a patient. */
export function withoutData(error: unknown): { readonly name: string; readonly at?: readonly string[] } {
  if (!(error instanceof Error)) return { name: typeof error };
  const at = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return { name: error.name, ...('code' in error && { code: String(error.code) }), ...(at && { at }) };
}
