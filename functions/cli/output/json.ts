import type { Command } from 'commander';

/** The option that every command has: one JSON document on standard output, and nothing else. */
export const withJson = (command: Command, description = 'print one JSON document instead of text'): Command =>
  command.option('--json', description);

export type JsonOption = { readonly json?: true };

/** Print a result: as one JSON document, or as text. */
export function show(isJson: true | undefined, value: unknown, text: () => string): void {
  process.stdout.write(isJson ? `${JSON.stringify(value, null, 2)}\n` : text());
}

/** Print a message for people, which a JSON document replaces. */
export function tell(isJson: true | undefined, text: string): void {
  if (!isJson) process.stderr.write(text);
}
