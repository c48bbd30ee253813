import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Deps } from '../deps.ts';
import { tagNames } from '../http/tags.ts';

const Live = z
  .object({ status: z.literal('live').meta({ description: 'Always live: the process answers.' }) })
  .meta({ id: 'Live', description: 'The process answers.' });
const Ready = z
  .object({
    status: z.enum(['ready', 'starting', 'failed']).meta({ description: 'Whether films can be read.' }),
    device: z.string().meta({ description: 'The device that runs the models.', example: 'cpu' }),
    family: z.string().meta({ description: 'The model family in service.', example: 'chest14' }),
    waiting: z.int().meta({ description: 'Films in the queue.' }),
    running: z.int().meta({ description: 'Films being read.' }),
    problem: z.string().optional().meta({ description: 'Why films cannot be read.' }),
    pacs: z
      .object({
        watched: z.int().meta({ description: 'PACS that are polled and answer.' }),
        paused: z.int().meta({ description: 'PACS that wait because too many of their studies wait to be read.' }),
        unavailable: z.int().meta({ description: 'PACS that do not answer.' }),
        starting: z.int().meta({ description: 'PACS that were not polled yet.' }),
      })
      .optional()
      .meta({
        description: 'The number of PACS that this process polls, per state. The log names these PACS.',
      }),
  })
  .meta({ id: 'Ready', description: 'Whether films can be read, and the load.' });

const live = createRoute({
  method: 'get',
  path: '/health/live',
  operationId: 'getLiveness',
  tags: [tagNames.health],
  summary: 'The process answers',
  description: 'For a supervisor that restarts a process that does not answer. It says nothing about the models.',
  responses: { 200: { description: 'The process answers', content: { 'application/json': { schema: Live } } } },
});

const ready = createRoute({
  method: 'get',
  path: '/health/ready',
  operationId: 'getReadiness',
  tags: [tagNames.health],
  summary: 'Films can be read: the usual models are verified, loaded and warm',
  description:
    'For a load balancer. It answers 503 while the models load, if a model is damaged, and if the store cannot be used.',
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
