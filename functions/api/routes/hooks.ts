import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Deps } from '../deps.ts';
import { Refusal, strictQuery } from '../http/problem.ts';
import { problemResponses } from '../http/responses.ts';
import { tagNames } from '../http/tags.ts';

const HookQuery = z.strictObject({
  pacs: z
    .string()
    .optional()
    .meta({ description: 'The name of a PACS of your tenant. Optional if there is only one.' }),
});

const notifyOfChange = createRoute({
  method: 'post',
  path: '/v1/hooks/orthanc',
  operationId: 'notifyOfChange',
  tags: [tagNames.pacs],
  summary: 'Notify the service of a change in a PACS',
  description:
    'Poll the change log of the PACS now instead of after the interval. The body is not read. Only the change log, at the configured address, decides which films are downloaded. If a notification is lost, the next poll finds the film.',
  request: { query: HookQuery },
  responses: {
    202: {
      description: 'The change log is polled at once',
      content: { 'application/json': { schema: z.strictObject({}) } },
    },
    ...problemResponses('invalid_parameter', 'unknown_pacs'),
  },
});

export function hooks(app: OpenAPIHono, { pacs: connected }: Deps): void {
  app.openapi(
    notifyOfChange,
    (c) => {
      const { pacs } = c.req.valid('query');
      const names = connected.namesOf(c.get('tenant'));
      const [only, ...more] = names;
      if (pacs === undefined && more.length > 0)
        throw new Refusal({ code: 'invalid_parameter', parameter: 'pacs', problem: `name one of ${names.join(', ')}` });
      const name = pacs ?? only ?? '';
      if (!names.includes(name)) throw new Refusal({ code: 'unknown_pacs', pacs: name, known: names });
      connected.pollNow(name);
      return c.json({}, 202);
    },
    strictQuery(HookQuery),
  );
}
