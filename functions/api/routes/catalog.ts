import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { Policy } from '../../core/catalog.ts';
import { CatalogContent, catalogContent } from '../../core/catalog-view.ts';
import { notice } from '../../core/reading.ts';
import { readText } from '../../models/read-bounded.ts';
import type { Deps } from '../deps.ts';
import { conditional, etagHeader, IfNoneMatch, notModified, revalidated } from '../http/caching.ts';
import { fixedBody } from '../http/fixed-body.ts';
import { Refusal } from '../http/problem.ts';
import { problemResponses } from '../http/responses.ts';
import { tagNames } from '../http/tags.ts';

const CostsInUse = z
  .object({
    device: z.string().meta({ description: 'The device of the measurement.', example: 'cpu' }),
    source: z.enum(['catalog', 'host']).meta({
      description:
        'catalog: the costs of the catalog. host: measured by alara catalog measure on the host of the service.',
    }),
    measuredOn: z.string().optional().meta({
      description: 'Processor or accelerator, runtime, reference film and date. Absent if the catalog does not say.',
    }),
    variants: z
      .record(
        z.string(),
        z.object({
          ms: z.number().meta({
            description:
              'Milliseconds per film after decoding: resizing, tensor and inference. Without decodeMs: inference alone.',
          }),
          decodeMs: z.number().optional().meta({
            description:
              'Milliseconds to decode the reference film as far as the resolution needs. A plan decodes a film once. Absent if the costs do not contain decoding.',
          }),
        }),
      )
      .meta({ description: 'The costs by variant.' }),
  })
  .meta({ id: 'Costs', description: 'The measured costs that the router compares.' });

const CatalogView = z
  .object({
    catalog: CatalogContent,
    digest: z.string().meta({ description: 'SHA-256 of the catalog file.', example: `sha256:${'0'.repeat(64)}` }),
    policies: z.record(z.string(), Policy).meta({ description: 'The policies, by name.' }),
    policyInForce: z.string().meta({ description: 'The policy of requests that name none.' }),
    costDevice: z.string().meta({ description: 'The device whose measured costs the router compares.' }),
    costs: CostsInUse,
    notice: z.literal(notice).meta({ description: 'The limit of use. Show it with every result.' }),
  })
  .meta({ id: 'CatalogView', description: 'The catalog of the family in service, with its policies.' });

const showCatalog = createRoute({
  method: 'get',
  path: '/v1/catalog',
  operationId: 'getCatalog',
  tags: [tagNames.models],
  summary: 'Variants with their measurements, and the policies',
  description:
    'The catalog of the family in service: findings, variants, measured AUROC with intervals, calibration, operating points and cost. About 320 kB.',
  request: { query: z.strictObject({}), headers: IfNoneMatch },
  responses: {
    200: { description: 'The catalog', content: { 'application/json': { schema: CatalogView } }, headers: etagHeader },
    ...notModified,
  },
});

const showEvaluation = createRoute({
  method: 'get',
  path: '/v1/evaluation',
  operationId: 'getEvaluation',
  tags: [tagNames.models],
  summary: 'The numbers behind every plot',
  description: 'The evaluation of the family in service, per finding, variant and group of films. About 750 kB.',
  request: { query: z.strictObject({}), headers: IfNoneMatch },
  responses: {
    200: {
      description: 'evaluation.json of the family',
      content: { 'application/json': { schema: z.looseObject({}) } },
      headers: etagHeader,
    },
    ...notModified,
    ...problemResponses('not_found'),
  },
});

export function catalog(app: OpenAPIHono, { router }: Deps): void {
  const { family, costs, vocabulary } = router;
  const evaluation = readIfThere(join(family.folder, 'evaluation.json'));
  const view = {
    catalog: catalogContent(family.catalog),
    digest: `sha256:${family.digest}`,
    policies: family.policies,
    policyInForce: vocabulary.defaultPolicy,
    costDevice: costs.device,
    costs: {
      ...{ device: costs.device, source: costs.source },
      ...(costs.measuredOn !== undefined && { measuredOn: costs.measuredOn }),
      variants: Object.fromEntries(
        family.catalog.variants.map((variant) => [
          variant.id,
          { ms: costs.of(variant), ...(costs.withDecoding && { decodeMs: costs.decode([variant]) }) },
        ]),
      ),
    },
    notice,
  } as const;

  const json = (value: unknown) =>
    fixedBody(() => Buffer.from(JSON.stringify(value)), { ...revalidated, 'content-type': 'application/json' });
  const catalogBody = json(view);
  const evaluationBody = evaluation && json(evaluation);
  app.use(showCatalog.path, conditional);
  app.use(showEvaluation.path, conditional);
  // The body has the type of the route: it is the JSON text of `view`.
  app.openapi(showCatalog, (c) => catalogBody(c) as never);
  app.openapi(showEvaluation, (c) => {
    if (!evaluationBody) throw new Refusal({ code: 'not_found', path: c.req.path });
    return evaluationBody(c) as never;
  });
}

function readIfThere(path: string): Record<string, unknown> | undefined {
  return existsSync(path) ? JSON.parse(readText(path)) : undefined;
}
