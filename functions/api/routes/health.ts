import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Deps } from '../deps.ts';

const Live = z.object({ status: z.literal('live') }).meta({ id: 'Live' });
const Ready = z
  .object({
    status: z.enum(['ready', 'starting', 'failed']),
    device: z.string(),
    family: z.string(),
    waiting: z.int().meta({ description: 'Films in the queue.' }),
    running: z.int().meta({ description: 'Films being read.' }),
    problem: z.string().optional(),
    pacs: z.object({ watched: z.int(), paused: z.int(), unavailable: z.int(), starting: z.int() }).optional().meta({
      description:
        'The number of PACS that this process polls, per state. A PACS is paused while too many of its studies wait to be read. The log names these PACS.',
    }),
  })
  .meta({ id: 'Ready' });

const live = createRoute({
  method: 'get',
  path: '/health/live',
  summary: 'The process answers',
  responses: { 200: { description: 'The process answers', content: { 'application/json': { schema: Live } } } },
});

const ready = createRoute({
  method: 'get',
  path: '/health/ready',
  summary: 'Films can be read: the usual models are verified, loaded and warm',
  responses: {
    200: { description: 'Ready', content: { 'application/json': { schema: Ready } } },
    503: { description: 'Starting or failed', content: { 'application/json': { schema: Ready } } },
  },
});

export function health(app: OpenAPIHono, { engine, router, device, pacs, platform, log }: Deps): void {
  app.openapi(live, (c) => c.json({ status: 'live' as const }, 200));
  let lastTrouble: string | undefined;
  app.openapi(ready, async (c) => {
    const trouble = await platform.trouble();
    if (trouble !== lastTrouble) log.warn({ event: 'store_state', trouble: trouble ?? 'none' });
    lastTrouble = trouble;
    const { waiting, running, warm, fault } = engine.status();
    const pollStates = pacs.pollStates?.();
    const common = {
      device,
      family: router.family.catalog.family,
      waiting,
      running,
      ...(pollStates && { pacs: pollStates }),
    };
    if (trouble !== undefined)
      return c.json({ status: 'failed' as const, ...common, problem: `the store cannot be used: ${trouble}` }, 503);
    if (warm) return c.json({ status: 'ready' as const, ...common }, 200);
    if (!fault) return c.json({ status: 'starting' as const, ...common }, 503);
    const problem = 'problem' in fault ? fault.problem : fault.code;
    return c.json({ status: 'failed' as const, ...common, problem }, 503);
  });
}
