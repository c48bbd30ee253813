import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import about from '../../../package.json' with { type: 'json' };
import { fhirBundle } from '../../results/fhir/bundle.ts';
import { structuredReport } from '../../results/sr/report.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../http/problem.ts';
import { answers } from '../http/responses.ts';
import { resultDigest } from '../http/result-digest.ts';

const request = {
  params: z.object({ id: z.string().meta({ description: 'rd_ and 64 hexadecimal digits' }) }),
  query: z.strictObject({}),
};

const sr = createRoute({
  method: 'get',
  path: '/v1/readings/{id}/sr',
  summary: 'A reading as a DICOM Structured Report',
  description: 'Comprehensive 3D SR by TID 1500, in the study of the film: the same object that is sent to a PACS.',
  request,
  responses: {
    200: {
      description: 'A DICOM file',
      content: { 'application/dicom': { schema: { type: 'string', format: 'binary' } } },
    },
    ...answers(404, 409),
  },
});

const fhir = createRoute({
  method: 'get',
  path: '/v1/readings/{id}/fhir',
  summary: 'A reading as FHIR R4',
  description:
    'A Bundle of a DiagnosticReport, an Observation a finding, and the Device that made them. Of a film that was no DICOM instance nobody knows whose it is: its report has no subject, which FHIR allows.',
  request,
  responses: {
    200: { description: 'A Bundle', content: { 'application/fhir+json': { schema: z.looseObject({}) } } },
    ...answers(404),
  },
});

/** Readings as DICOM SR for a PACS, and as FHIR for a health record. */
export function reports(app: OpenAPIHono, { router, platform: { readings } }: Deps): void {
  const { family } = router;

  async function find(tenant: string, id: string) {
    const read = await readings.get(tenant, id);
    if (!read) throw new Refusal({ code: 'reading_not_found', id });
    return { read, told: { family, version: about.version, requestDigest: resultDigest(read.reading, router) } };
  }

  app.openapi(sr, async (c) => {
    const { id } = c.req.valid('param');
    const { read, told } = await find(c.get('tenant'), id);
    const { reading, instance } = read;
    if (!instance) throw new Refusal({ code: 'not_from_dicom', id });
    return c.body(structuredReport({ reading, instance }, told), 200, { 'content-type': 'application/dicom' });
  });

  app.openapi(fhir, async (c) => {
    const { read, told } = await find(c.get('tenant'), c.req.valid('param').id);
    return c.json({ ...fhirBundle(read, told) }, 200, { 'content-type': 'application/fhir+json' });
  });
}
