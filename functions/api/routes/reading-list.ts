import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { calls, type Reading } from '../../core/reading.ts';
import { ReadingSummary, referenceText } from '../../core/reading-view.ts';
import { summarizeReading } from '../../results/present-reading.ts';
import { parseParameters } from '../../routing/parameters.ts';
import type { Position } from '../../storage/readings.ts';
import type { Deps } from '../deps.ts';
import { Cursor, cursorOf, Next } from '../http/cursor.ts';
import { Refusal, strictQuery, unwrap } from '../http/problem.ts';
import { problemResponses } from '../http/responses.ts';
import { tagNames } from '../http/tags.ts';

/** Stored readings that are compared with the filters per request. */
const maxCompared = 500;
const pageSize = 100;

/** A date, or a time with its offset from UTC. Seconds may be absent. */
const Time = z.union(
  [
    z.iso.date(),
    z.iso.datetime({ offset: true }),
    z.string().regex(z.regexes.datetime({ offset: true, precision: -1 })),
  ],
  'expected a date, or a time with Z or an offset from UTC, in which + is written %2B: 2026-01-31, 2026-01-31T20:00Z or 2026-01-31T21:00:00%2B01:00',
);

const ListQuery = z.strictObject({
  from: Time.optional().meta({
    description: 'Only readings of this time or later. A date is its first moment in UTC.',
    example: '2026-01-01T00:00:00Z',
  }),
  to: Time.optional().meta({
    description: 'Only readings before this time. A date is its first moment in UTC.',
    example: '2026-02-01T00:00:00Z',
  }),
  finding: z.string().optional().meta({ description: 'Only readings with this finding.', example: 'Nodule' }),
  call: z
    .enum(calls)
    .optional()
    .meta({ description: 'Only readings with this call: for `finding`, or for any finding.' }),
  reference: referenceText('it is given more than once')
    .optional()
    .meta({ description: "Only readings with this reference of the caller's own." }),
  film: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256: and 64 hexadecimal digits')
    .optional()
    .meta({ description: 'Only readings of the film whose pixels have this digest (`film.digest`).' }),
  limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'The most readings of the answer.' }),
  cursor: Cursor,
});
type ListQuery = z.infer<typeof ListQuery>;

const ReadingList = z
  .object({ readings: z.array(ReadingSummary).meta({ description: 'Readings, newest first.' }), next: Next })
  .meta({ id: 'ReadingList', description: 'A page of readings.' });

const list = createRoute({
  method: 'get',
  path: '/v1/readings',
  operationId: 'listReadings',
  tags: [tagNames.readings],
  summary: 'Stored readings, newest first',
  description: `The readings of your tenant, without their evidence. A page may have fewer readings than \`limit\`, or none, although \`next\` is present: the service compares at most ${maxCompared} readings with the filters per request. So ask until \`next\` is absent.`,
  request: { query: ListQuery },
  responses: {
    200: { description: 'A page of readings', content: { 'application/json': { schema: ReadingList } } },
    ...problemResponses('invalid_parameter', 'unknown_finding', 'finding_not_served'),
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/v1/readings/{id}',
  operationId: 'deleteReading',
  tags: [tagNames.readings],
  summary: 'Delete a stored reading',
  description:
    'Deletes the reading and the encrypted patient and study identifiers beside it. Results that a PACS holds stay there. The same film and request are read again, and the reading gets the same id.',
  request: {
    params: z.object({ id: z.string().meta({ description: 'The id of a reading: rd_ and 64 hexadecimal digits.' }) }),
    query: z.strictObject({}),
  },
  responses: { 204: { description: 'The reading is deleted' }, ...problemResponses('reading_not_found') },
});

/** List and delete stored readings. */
export function readingList(app: OpenAPIHono, { router, platform: { readings } }: Deps): void {
  app.openapi(
    list,
    async (c) => {
      const query = c.req.valid('query');
      const { finding } = query;
      const named =
        finding === undefined ? [] : unwrap(parseParameters({ findings: finding }, router.vocabulary)).findings;
      if (named.length > 1)
        throw new Refusal({ code: 'invalid_parameter', parameter: 'finding', problem: 'name one finding' });
      const { found, next } = await search(c.get('tenant'), { ...query, finding: named[0] });
      const page = { readings: found.map(summarizeReading), ...(next && { next: cursorOf(next) }) };
      return c.json(page, 200);
    },
    strictQuery(ListQuery),
  );

  app.openapi(remove, async (c) => {
    const { id } = c.req.valid('param');
    if (!(await readings.remove(c.get('tenant'), id))) throw new Refusal({ code: 'reading_not_found', id });
    return c.body(null, 204);
  });

  /** The next page of readings that have the properties of a query, and the position behind which the search goes on. */
  async function search(
    tenant: string,
    { from, to, cursor, limit, ...wanted }: ListQuery,
  ): Promise<{ readonly found: readonly Reading[]; readonly next?: Position }> {
    const utc = (time: string | undefined) => time && new Date(time).toISOString();
    const range = { from: utc(from), to: utc(to), limit: pageSize };
    const found: Reading[] = [];
    let last: Position | undefined = cursor;
    for (let compared = 0; compared < maxCompared; compared += pageSize) {
      const page = await readings.list(tenant, { ...range, after: last });
      for (const reading of page) {
        const isWanted = matches(reading, wanted);
        // One more than a page has: the next page starts with it.
        if (isWanted && found.length === limit && last) return { found, next: last };
        if (isWanted) found.push(reading);
        last = reading;
      }
      if (page.length < pageSize) return { found };
    }
    return { found, ...(last && { next: last }) };
  }
}

/** Whether a reading has every property of a query. */
const matches = (
  reading: Reading,
  { finding, call, reference, film }: Pick<ListQuery, 'finding' | 'call' | 'reference' | 'film'>,
): boolean =>
  (reference === undefined || reading.reference === reference) &&
  (film === undefined || reading.film.digest === film) &&
  ((finding === undefined && call === undefined) ||
    reading.findings.some(
      (result) => (finding === undefined || result.finding === finding) && (call === undefined || result.call === call),
    ));
