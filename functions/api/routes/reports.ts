import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import about from '../../../package.json' with { type: 'json' };
import { fhirBundle } from '../../results/fhir/bundle.ts';
import { heatmapOverlay, overlaySide } from '../../results/heatmap.ts';
import { provenanceOf } from '../../results/provenance.ts';
import { resultDigest } from '../../results/request-digest.ts';
import { structuredReport } from '../../results/sr/report.ts';
import { parseParameters } from '../../routing/parameters.ts';
import type { Deps } from '../deps.ts';
import { Refusal, unwrap } from '../http/problem.ts';
import { problemResponses } from '../http/responses.ts';
import { tagNames } from '../http/tags.ts';

const request = {
  params: z.object({ id: z.string().meta({ description: 'The id of a reading: rd_ and 64 hexadecimal digits.' }) }),
  query: z.strictObject({}),
};

const sr = createRoute({
  method: 'get',
  path: '/v1/readings/{id}/sr',
  operationId: 'getStructuredReport',
  tags: [tagNames.readings],
  summary: 'A reading as a DICOM Structured Report',
  description: 'Comprehensive 3D SR by TID 1500, in the study of the film: the same object that is sent to a PACS.',
  request,
  responses: {
    200: {
      description: 'A DICOM file',
      content: { 'application/dicom': { schema: { type: 'string', format: 'binary' } } },
    },
    ...problemResponses('reading_not_found', 'not_from_dicom'),
  },
});

const fhir = createRoute({
  method: 'get',
  path: '/v1/readings/{id}/fhir',
  operationId: 'getFhirBundle',
  tags: [tagNames.readings],
  summary: 'A reading as FHIR R4',
  description:
    'A Bundle of one DiagnosticReport, one Observation per finding, and the Devices that made them. Readings of PNG and JPEG films have no patient, so the report has no `subject`, which FHIR allows.',
  request,
  responses: {
    200: { description: 'A Bundle', content: { 'application/fhir+json': { schema: z.looseObject({}) } } },
    ...problemResponses('reading_not_found'),
  },
});

const heatmap = createRoute({
  method: 'get',
  path: '/v1/readings/{id}/heatmaps/{finding}',
  operationId: 'getHeatmap',
  tags: [tagNames.readings],
  summary: 'The heat map of a finding, as a picture to lay over the film',
  description: `A PNG with the aspect ratio of the upright film and ${overlaySide} pixels on its longer side. The picture is orange where the model looked for the finding, and transparent elsewhere: draw it over the film, stretched to the same size. It shows where the model looked, not where the disease is. The reading must have been made with \`explain=heatmap\`.`,
  request: {
    params: request.params.extend({
      finding: z.string().meta({ description: 'A finding of the reading, in upper or lower case.', example: 'Nodule' }),
    }),
    query: request.query,
  },
  responses: {
    200: { description: 'A PNG', content: { 'image/png': { schema: { type: 'string', format: 'binary' } } } },
    ...problemResponses(
      'reading_not_found',
      'heatmap_not_found',
      'unknown_finding',
      'finding_not_served',
      'invalid_parameter',
    ),
  },
});

/** Readings as DICOM SR for a PACS, and as FHIR for a health record. */
export function reports(app: OpenAPIHono, { router, platform: { readings } }: Deps): void {
  const maker = { family: router.family, version: about.version };

  async function readingOf(tenant: string, id: string) {
    const read = await readings.get(tenant, id);
    if (!read) throw new Refusal({ code: 'reading_not_found', id });
    return read;
  }

  app.openapi(sr, async (c) => {
    const { id } = c.req.valid('param');
    const read = await readingOf(c.get('tenant'), id);
    const { reading, instance } = read;
    if (!instance) throw new Refusal({ code: 'not_from_dicom', id });
    const identified = { reading, instance };
    const provenance = provenanceOf(identified, maker, resultDigest(reading, router));
    return c.body(structuredReport(identified, provenance), 200, { 'content-type': 'application/dicom' });
  });

  app.openapi(heatmap, async (c) => {
    const { id, finding } = c.req.valid('param');
    const { reading } = await readingOf(c.get('tenant'), id);
    const shown = reading.findings.find((result) => result.finding.toLowerCase() === finding.toLowerCase());
    if (!shown) unwrap(parseParameters({ findings: finding }, router.vocabulary));
    if (!shown?.heatmap) throw new Refusal({ code: 'heatmap_not_found', id, finding });
    return c.body(await heatmapOverlay(shown.heatmap, reading.film), 200, { 'content-type': 'image/png' });
  });

  app.openapi(fhir, async (c) => {
    const read = await readingOf(c.get('tenant'), c.req.valid('param').id);
    const provenance = provenanceOf(read, maker, resultDigest(read.reading, router));
    return c.json({ ...fhirBundle(read, provenance) }, 200, { 'content-type': 'application/fhir+json' });
  });
}
