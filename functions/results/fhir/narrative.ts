import type { Narrative } from 'fhir/r4.js';

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** The narrative of a resource, from paragraphs of plain text. */
export const narrative = (...paragraphs: readonly string[]): Narrative => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml">${paragraphs.map((text) => `<p>${escaped(text)}</p>`).join('')}</div>`,
});

const escaped = (text: string) => text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);
