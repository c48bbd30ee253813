import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { FaultCode } from '../../core/fault.ts';
import { advice } from '../../core/fault-status.ts';
import { parseParameters } from '../../routing/parameters.ts';
import type { Deps } from '../deps.ts';
import type { mediaTypes } from '../http/body.ts';
import { conditional, etagHeader, IfNoneMatch, notModified, revalidated } from '../http/caching.ts';
import { Refusal, unwrap } from '../http/problem.ts';
import { problemResponses } from '../http/responses.ts';
import { tagNames } from '../http/tags.ts';

type MediaType = (typeof mediaTypes)[number] | 'application/octet-stream';
type Outcome =
  | { readonly status: 201; readonly bits: 8 | 16; readonly warnings: readonly string[] }
  | { readonly code: FaultCode };

/** The files in `test-films/`, and what POST /v1/readings makes of each. */
const films: Readonly<
  Record<string, { readonly mediaType: MediaType; readonly description: string; readonly expected: Outcome }>
> = {
  'chest.jpg': {
    mediaType: 'image/jpeg',
    description: 'A frontal chest film with 8 bits.',
    expected: { status: 201, bits: 8, warnings: [] },
  },
  'chest-16-bit.dcm': {
    mediaType: 'application/dicom',
    description: 'A DICOM instance (DX, PA) with 16 bits. Its reading has a Structured Report.',
    expected: { status: 201, bits: 16, warnings: [] },
  },
  'dark-16-bit.png': {
    mediaType: 'image/png',
    description: 'A film whose two highest bits are unused. It is read, with a warning.',
    expected: { status: 201, bits: 16, warnings: ['dark_film'] },
  },
  'not-a-chest.png': {
    mediaType: 'image/png',
    description: 'A gray image of rings.',
    expected: { code: 'not_a_frontal_chest' },
  },
  'lateral.dcm': {
    mediaType: 'application/dicom',
    description: 'A DICOM instance whose header names a lateral view.',
    expected: { code: 'not_frontal_view' },
  },
  'too-small.png': { mediaType: 'image/png', description: 'A thumbnail.', expected: { code: 'too_small' } },
  'damaged.jpg': {
    mediaType: 'image/jpeg',
    description: 'The first half of chest.jpg.',
    expected: { code: 'corrupt_image' },
  },
  'unsupported.tiff': {
    mediaType: 'application/octet-stream',
    description: 'A TIFF file.',
    expected: { code: 'unsupported_image_format' },
  },
};

const Expected = z
  .object({
    status: z.int().meta({ description: 'The HTTP status. Films that were read before have 200 in place of 201.' }),
    code: z.string().optional().meta({ description: 'The code of the problem, if the film is refused.' }),
    reading: z
      .object({
        id: z.string().meta({
          description:
            'The id of the reading. It belongs to your tenant and changes with the model family, the policy in force and the measured costs.',
        }),
        findings: z.array(z.string()).meta({ description: 'The findings of the reading, in its order.' }),
        bits: z.union([z.literal(8), z.literal(16)]).meta({ description: 'The `film.bits` of the reading.' }),
        warnings: z.array(z.string()).meta({ description: 'The codes of the warnings of the reading.' }),
      })
      .optional()
      .meta({ description: 'What is fixed in the reading, if the film is read. Probabilities and calls are not.' }),
  })
  .meta({ id: 'ExpectedAnswer', description: 'The answer of POST /v1/readings without parameters.' });

const TestFilm = z
  .object({
    name: z.string().meta({ description: 'The name in GET /v1/test-films/{name}.', example: 'chest.jpg' }),
    mediaType: z.string().meta({ description: 'The Content-Type to send it with.', example: 'image/jpeg' }),
    sizeBytes: z.int().meta({ description: 'The size in bytes.', example: 22_659 }),
    sha256: z.string().meta({ description: 'The SHA-256 of the bytes, in hexadecimal.' }),
    description: z.string().meta({ description: 'What the film is.' }),
    expected: Expected,
  })
  .meta({ id: 'TestFilm', description: 'A film for tests of an integration.' });

const TestFilms = z
  .object({ films: z.array(TestFilm).meta({ description: 'The films.' }) })
  .meta({ id: 'TestFilms', description: 'The films for tests of an integration.' });

const list = createRoute({
  method: 'get',
  path: '/v1/test-films',
  operationId: 'listTestFilms',
  tags: [tagNames.readings],
  summary: 'Films for tests of your integration',
  description:
    'Films with a known answer of POST /v1/readings: films that are read, and films that are refused for each usual reason. Their readings are ordinary readings of the models in service.',
  request: { query: z.strictObject({}) },
  responses: { 200: { description: 'The films', content: { 'application/json': { schema: TestFilms } } } },
});

const binary = { schema: { type: 'string', format: 'binary' } } as const;

const show = createRoute({
  method: 'get',
  path: '/v1/test-films/{name}',
  operationId: 'getTestFilm',
  tags: [tagNames.readings],
  summary: 'One of these films',
  description: 'The bytes of a film of GET /v1/test-films.',
  request: {
    query: z.strictObject({}),
    params: z.object({ name: z.string().meta({ description: 'The name of the film.', example: 'chest.jpg' }) }),
    headers: IfNoneMatch,
  },
  responses: {
    200: {
      description: 'The film',
      headers: etagHeader,
      content: {
        'image/jpeg': binary,
        'image/png': binary,
        'application/dicom': binary,
        'application/octet-stream': binary,
      },
    },
    ...notModified,
    ...problemResponses('not_found'),
  },
});

/** Films with known answers, so that a test of an integration needs no film of its own. */
export function testFilms(app: OpenAPIHono, { router }: Deps): void {
  // The bundle is in the same folder as test-films/. This source file is one folder deeper.
  const folder = new URL(import.meta.url.endsWith('.ts') ? '../test-films/' : './test-films/', import.meta.url);
  const files = Object.entries(films).map(([name, { mediaType, description, expected }]) => {
    const bytes = readFileSync(new URL(name, folder));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { bytes, expected, film: { name, mediaType, description, sizeBytes: bytes.length, sha256 } };
  });
  const usual = unwrap(parseParameters({}, router.vocabulary));

  app.openapi(list, (c) => {
    const described = files.map(({ film, expected }) => {
      if ('code' in expected)
        return { ...film, expected: { status: advice[expected.code].status, code: expected.code } };
      const { status, bits, warnings } = expected;
      const id = router.identifyDigest(c.get('tenant'), film.sha256, usual);
      const reading = { id, findings: [...usual.findings], bits, warnings: [...warnings] };
      return { ...film, expected: { status, reading } };
    });
    return c.json({ films: described }, 200);
  });

  app.use('/v1/test-films/:name', conditional);
  app.openapi(show, (c) => {
    const { name } = c.req.valid('param');
    const found = files.find(({ film }) => film.name === name);
    if (!found) throw new Refusal({ code: 'not_found', path: c.req.path });
    return c.body(found.bytes, 200, { ...revalidated, 'content-type': found.film.mediaType });
  });
}
