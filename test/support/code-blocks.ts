import { readFileSync } from 'node:fs';

/** The code blocks of a document that have a language, in order. */
export const codeBlocks = (path: string): readonly { readonly language: string; readonly code: string }[] =>
  [...readFileSync(path, 'utf8').matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    code,
  }));

/** The only code block of a document that contains a text. */
export function codeBlockWith(path: string, text: string): string {
  const [block, ...others] = codeBlocks(path).filter(({ code }) => code.includes(text));
  if (!block || others.length > 0) throw new Error(`${path} has ${block ? 'several blocks' : 'no block'} with ${text}`);
  return block.code;
}
