import { z } from '@hono/zod-openapi';
import type { Position } from '../../storage/readings.ts';

/** A cursor is opaque, so its content may change. It contains nothing that its caller has not seen in the page before. */
export const cursorOf = ({ createdAt, id }: Position): string =>
  Buffer.from(JSON.stringify([createdAt, id])).toString('base64url');

const Content = z.tuple([z.iso.datetime(), z.string().max(200)]);

function positionOf(cursor: string): Position | undefined {
  try {
    const content = Content.safeParse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    if (!content.success) return undefined;
    const [createdAt, id] = content.data;
    return { createdAt, id };
  } catch {
    return undefined;
  }
}

/** The query parameter `cursor`. */
export const Cursor = z
  .string()
  .transform((text, context) => {
    const position = positionOf(text);
    if (position) return position;
    context.addIssue({ code: 'custom', message: 'it is not the `next` of an earlier page' });
    return z.NEVER;
  })
  .optional()
  .openapi({
    type: 'string',
    description:
      'The `next` of the page before. Send the same filters: a cursor is a position in the list, and other filters apply from there on.',
  });

/** The member `next` of a page. */
export const Next = z
  .string()
  .optional()
  .meta({ description: 'The `cursor` of the next page. Absent on the last page.' });

/** The first `limit` of one entry more than a page has, and the cursor of the next page if there is one. */
export function pageOf<Entry extends Position>(
  found: readonly Entry[],
  limit: number,
): { readonly entries: readonly Entry[]; readonly next?: string } {
  const entries = found.slice(0, limit);
  const last = entries.at(-1);
  return found.length > limit && last ? { entries, next: cursorOf(last) } : { entries };
}
