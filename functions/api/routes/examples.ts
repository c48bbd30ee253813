import type { OpenAPIHono } from '@hono/zod-openapi';
import type { JobFinished, JobView } from '../../core/job-view.ts';
import type { OperatingPointView, ReadingSummary, ReadingView } from '../../core/reading-view.ts';

const operatingPoint = {
  name: 'specific',
  low: 0.152554,
  high: 0.161153,
  sensitivity: 0.0816,
  specificity: 0.9539,
  positivePredictiveValue: 0.1176,
  negativePredictiveValue: 0.9324,
  ci95: {
    sensitivity: {
      low: 0.0314,
      high: 0.1353,
    },
    specificity: {
      low: 0.9406,
      high: 0.9663,
    },
    positivePredictiveValue: {
      low: 0.0462,
      high: 0.199,
    },
    negativePredictiveValue: {
      low: 0.9288,
      high: 0.9362,
    },
  },
} satisfies OperatingPointView;

const reading = {
  id: 'rd_f32547410053804bb8cc0fc51dfcd02cb5f553072b14db200f5151f7866899e4',
  view: 'full',
  createdAt: '2026-11-30T16:22:38.867Z',
  family: {
    name: 'chest14',
    version: '2026-11-30+82eba9a4686b',
    description: 'chest14 of 2026-11-30, trained on 1399 films of 1066 patients: NIH ChestX-ray14 (a selected sample)',
  },
  request: {
    findings: ['Nodule'],
    minAuroc: {},
    prevalence: {},
    policy: 'chest14-published',
    operatingPoint: 'specific',
    bestEffort: false,
  },
  plan: {
    policy: 'chest14-published',
    costDevice: 'cpu',
    costMeasuredOn: 'Intel Xeon Processor (AVX512-VNNI), onnxruntime 1.32.0, 1 thread, batch 1, 2026-11-23',
    costMs: 17.79,
    largest: {
      variant: 'r512-int8',
      costMs: 23.1,
    },
    costVsLargest: 0.77,
    variants: [
      {
        id: 'r448-int8',
        resolution: 448,
        precision: 'int8',
        findings: ['Nodule'],
        costMs: 17.79,
        upsampled: false,
      },
    ],
  },
  summary: {
    requested: 1,
    present: ['Nodule'],
    indeterminate: [],
    text: 'The requested finding exceeds its threshold at the operating point specific: Nodule (likelihood ratio 2.8).',
  },
  findings: [
    {
      finding: 'Nodule',
      displayName: 'Nodule',
      code: {
        system: 'http://snomed.info/sct',
        code: '27925004',
        display: 'Nodule',
      },
      variant: 'r448-int8',
      operatingPoint,
      auroc: {
        value: 0.712968,
        ci95: {
          low: 0.6652,
          high: 0.7608,
        },
        positives: 98,
        negatives: 1301,
        protocol: 'crossValidated',
      },
      basis: 'published',
      meetsTarget: true,
      why: '448 px: the published floor for Nodule is 448 px (Sabottke and Spieler 2020, and the commentary on it); the floor does not rest on films of this family. r448-int8 is the cheapest variant that satisfies the rule.',
      passedOver: [
        {
          variant: 'r256-int8',
          reason: 'below the published floor of 448 px',
        },
        {
          variant: 'r320-int8',
          reason: 'below the published floor of 448 px',
        },
        {
          variant: 'r256-fp32',
          reason: 'below the published floor of 448 px',
        },
        {
          variant: 'r320-fp32',
          reason: 'below the published floor of 448 px',
        },
      ],
      probability: 0.17328985616289241,
      prevalence: 0.07005003573981415,
      call: 'present',
      likelihoodRatio: 2.7827301635331114,
      rank: 1,
    },
  ],
  film: {
    width: 1024,
    height: 1024,
    bits: 8,
    digest: 'sha256:8829e5e7a7820c77ec22e37a4c72a8cb0df78367d22fa5a178b556d76d90f369',
  },
  warnings: [],
  quality: {
    frontalChest: true,
    score: 0.9737,
  },
  timingsMs: {
    decode: 28.1,
    preprocess: 18.8,
    infer: 107,
    total: 159.6,
  },
  models: {
    'r448-int8': 'sha256:d6f09168f8722452cede6751938373d677b04c6119719c82e365c42debe75aa2',
  },
  catalog: 'sha256:82eba9a4686b2df120428e05c685b30feeb3e097cce818fdca5e8006eacdb7b0',
  notice: 'Research use only. Not for diagnosis.',
} satisfies ReadingView;

const summary = {
  id: 'rd_f32547410053804bb8cc0fc51dfcd02cb5f553072b14db200f5151f7866899e4',
  view: 'summary',
  createdAt: '2026-11-30T16:22:38.867Z',
  summary: {
    text: 'The requested finding exceeds its threshold at the operating point specific.',
  },
  findings: [
    {
      finding: 'Nodule',
      displayName: 'Nodule',
      call: 'present',
      probability: 0.173,
      low: 0.153,
      high: 0.161,
    },
  ],
  warnings: [],
  notice: 'Research use only. Not for diagnosis.',
} satisfies ReadingSummary;

const job = {
  id: 'job_62ebd024b4438b560d90deb6f100ee9fe69f90dfbc14314b5b81244e8d30aaea',
  state: 'done',
  createdAt: '2026-11-29T17:27:39.930Z',
  updatedAt: '2026-11-29T17:27:40.050Z',
  attempts: 1,
  progress: {
    done: 1,
    total: 1,
  },
  kind: 'film',
  outcomes: [
    {
      reading: 'rd_f32547410053804bb8cc0fc51dfcd02cb5f553072b14db200f5151f7866899e4',
    },
  ],
} satisfies JobView;

/** An example per schema, from answers of the service: test/films/00000442_000.png with `findings=Nodule`. */
export const examples: Readonly<Record<string, { readonly summary: string; readonly value: object }>> = {
  Reading: { summary: 'A film with a nodule, asked for one finding', value: reading },
  ReadingSummary: { summary: 'The same reading without its evidence', value: summary },
  Route: {
    summary: 'The plan for one finding',
    value: {
      plan: {
        policy: 'chest14-published',
        costDevice: 'cpu',
        costMeasuredOn: 'Intel Xeon Processor (AVX512-VNNI), onnxruntime 1.32.0, 1 thread, batch 1, 2026-11-23',
        costMs: 17.79,
        largest: {
          variant: 'r512-int8',
          costMs: 23.1,
        },
        costVsLargest: 0.77,
        variants: [
          {
            id: 'r448-int8',
            resolution: 448,
            precision: 'int8',
            findings: ['Nodule'],
            costMs: 17.79,
          },
        ],
      },
      findings: [
        {
          finding: 'Nodule',
          displayName: 'Nodule',
          code: {
            system: 'http://snomed.info/sct',
            code: '27925004',
            display: 'Nodule',
          },
          variant: 'r448-int8',
          operatingPoint,
          auroc: {
            value: 0.712968,
            ci95: {
              low: 0.6652,
              high: 0.7608,
            },
            positives: 98,
            negatives: 1301,
            protocol: 'crossValidated',
          },
          basis: 'published',
          meetsTarget: true,
          why: '448 px: the published floor for Nodule is 448 px (Sabottke and Spieler 2020, and the commentary on it); the floor does not rest on films of this family. r448-int8 is the cheapest variant that satisfies the rule.',
          passedOver: [
            {
              variant: 'r256-int8',
              reason: 'below the published floor of 448 px',
            },
            {
              variant: 'r320-int8',
              reason: 'below the published floor of 448 px',
            },
            {
              variant: 'r256-fp32',
              reason: 'below the published floor of 448 px',
            },
            {
              variant: 'r320-fp32',
              reason: 'below the published floor of 448 px',
            },
          ],
        },
      ],
      notice: 'Research use only. Not for diagnosis.',
    },
  },
  Upload: {
    summary: 'An upload to a service on one machine',
    value: {
      id: 'up_mx243w9e_f2a09c6ee2d8488bbe52980907b48983',
      url: 'uploads/up_mx243w9e_f2a09c6ee2d8488bbe52980907b48983',
      method: 'PUT',
      headers: {
        'content-type': 'application/octet-stream',
      },
      expiresAt: '2026-11-30T17:27:39.794Z',
      limitBytes: 256000000,
    },
  },
  Job: { summary: 'A job that has ended', value: job },
  ReadingList: { summary: 'One reading', value: { readings: [summary] } },
  Batch: {
    summary: 'One film that was read before, with view=summary',
    value: { outcomes: [{ filename: 'film.png', status: 200, reading: summary }] },
  },
  JobList: { summary: 'One job', value: { jobs: [job] } },
  JobFinished: {
    summary: 'A job that has ended',
    value: { type: 'job.finished', timestamp: job.updatedAt, data: { job } } satisfies JobFinished,
  },
  UnknownFindingProblem: {
    summary: 'A misspelt finding',
    value: {
      type: '/problems/unknown_finding',
      title: 'Unknown finding',
      status: 400,
      fix: 'Spell findings as known lists them, in upper or lower case. nearest, where present, is the most similar one.',
      code: 'unknown_finding',
      finding: 'Noodle',
      known: [
        'Atelectasis',
        'Cardiomegaly',
        'Effusion',
        'Infiltration',
        'Mass',
        'Nodule',
        'Pneumonia',
        'Pneumothorax',
        'Consolidation',
        'Edema',
        'Emphysema',
        'Fibrosis',
        'Pleural_Thickening',
        'Hernia',
      ],
      nearest: 'Nodule',
      requestId: '078e0c2a-766e-49f5-9233-dbb5f095bda7',
    },
  },
  TestFilms: {
    summary: 'A film that is read, and one that is refused',
    value: {
      films: [
        {
          name: 'chest.jpg',
          mediaType: 'image/jpeg',
          description: 'A frontal chest film with 8 bits.',
          sizeBytes: 22_659,
          sha256: 'fd2452d59b5300fe5db849d63dd273f5f153a15595856fded996284377a79d9b',
          expected: {
            status: 201,
            reading: { id: 'ID_CHEST', findings: ['Nodule', 'Edema'], bits: 8, warnings: [] },
          },
        },
        {
          name: 'damaged.jpg',
          mediaType: 'image/jpeg',
          description: 'The first half of chest.jpg.',
          sizeBytes: 11_329,
          sha256: '2771016dcb6cd105ad23c86fde65aea5ff0144be0540395df782fdf43c060f94',
          expected: { status: 422, code: 'corrupt_image' },
        },
      ],
    },
  },
  Live: {
    summary: 'The process answers',
    value: {
      status: 'live',
    },
  },
  Ready: {
    summary: 'Films can be read',
    value: {
      status: 'ready',
      device: 'cpu',
      family: 'chest14',
      waiting: 0,
      running: 0,
    },
  },
};

type Document = ReturnType<OpenAPIHono['getOpenAPI31Document']>;

/** The document with an example for each JSON body whose schema has one. A body that is one of several schemas has one example each. */
export function withExamples(document: Document): Document {
  const added = mapBodies(document, (body) => {
    const names = schemaNames(body['schema']).filter((name) => name in examples);
    if (names.length === 0 || 'example' in body) return body;
    return {
      ...body,
      examples: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/examples/${name}` }])),
    };
  }) as Document;
  return { ...added, components: { ...added.components, examples } };
}

/** The schemas that a body refers to: one, or one of several. */
function schemaNames(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { $ref, oneOf = [], anyOf = [] } = schema as { $ref?: string; oneOf?: unknown[]; anyOf?: unknown[] };
  return $ref === undefined ? [...oneOf, ...anyOf].flatMap(schemaNames) : [$ref.split('/').at(-1) ?? ''];
}

/** Map each body of a document: the entries of each `content`. */
function mapBodies(value: unknown, map: (body: Record<string, unknown>) => object): unknown {
  if (Array.isArray(value)) return value.map((item) => mapBodies(item, map));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === 'content'
        ? Object.fromEntries(Object.entries(inner as object).map(([type, body]) => [type, map(body)]))
        : mapBodies(inner, map),
    ]),
  );
}
