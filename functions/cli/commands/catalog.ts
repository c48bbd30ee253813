import type { Command } from 'commander';
import { operatingPointNames, type Variant } from '../../core/catalog.ts';
import { notice } from '../../core/reading.ts';
import { openRouter, type Router } from '../../inference/router.ts';
import { CatalogError } from '../../models/catalog-error.ts';
import { loadFamily } from '../../models/load.ts';
import { readConfig } from '../../platform/config.ts';
import { UsageError } from '../errors.ts';
import { help } from '../help.ts';
import { costNote, tellCostProblems } from '../output/costs.ts';
import { type JsonOption, show, withJson } from '../output/json.ts';
import { table } from '../output/table.ts';
import { paragraph } from '../output/wrap.ts';
import { channels, records } from './catalog-channels.ts';
import { measure } from './catalog-measure.ts';
import { promote, rollback } from './catalog-promote.ts';
import { publish } from './catalog-publish.ts';

/** `alara catalog`: show and verify the models. */
export function catalog(program: Command): void {
  const command = program
    .command('catalog')
    .description('Show, verify or measure the model family; publish and promote families.');
  help(command, { example: 'alara catalog show' });
  const shown = command
    .command('show')
    .description('List the variants of the family, or the measurements of one variant per finding.')
    .argument('[variant]', 'the id of a variant');
  help(withJson(shown), { example: 'alara catalog show r448-int8' }).action(
    (id: string | undefined, { json }: JsonOption) => {
      const router = openRouter(readConfig(process.env));
      tellCostProblems(json, router);
      if (id === undefined) return show(json, familyView(router), () => showFamily(router));
      const variant = variantNamed(router, id);
      show(json, { ...variant, costInUse: costInUse(variant, router), notice }, () => showVariant(variant, router));
    },
  );
  const verified = command
    .command('verify')
    .description('Hash every model file, open it in ONNX Runtime and run it once. Exit code 1 if one fails.');
  help(withJson(verified), { example: 'alara catalog verify' }).action(async ({ json }: JsonOption) => {
    process.exitCode = await verifyFamily(json);
  });
  for (const verb of [measure, publish, promote, rollback, channels, records]) verb(command);
}

const familyView = ({ family: { catalog, policies, digest }, costs, vocabulary }: Router) => ({
  family: catalog.family,
  catalog: `sha256:${digest}`,
  findings: catalog.findings,
  provenance: catalog.provenance,
  variants: catalog.variants.map((variant) => ({
    ...{ id: variant.id, resolution: variant.resolution, precision: variant.precision, bytes: variant.bytes },
    costMs: costs.plan([variant]),
    ...(costs.withDecoding && { decodeMs: costs.decode([variant]) }),
    meanAuroc: meanAuroc(variant) ?? null,
  })),
  costDevice: costs.device,
  costSource: costs.source,
  ...(costs.measuredOn !== undefined && { costMeasuredOn: costs.measuredOn }),
  policies: Object.keys(policies),
  defaultPolicy: vocabulary.defaultPolicy,
  notice,
});

function showFamily({ family: { catalog, policies, digest }, costs, vocabulary }: Router): string {
  const rows = catalog.variants.map((variant) => [
    variant.id,
    String(variant.resolution),
    variant.precision,
    String(variant.bytes),
    costs.plan([variant]).toFixed(1),
    meanAuroc(variant)?.toFixed(3) ?? '',
  ]);
  const { dataset, films, patients, date } = catalog.provenance;
  return [
    paragraph(
      `Family ${catalog.family}: ${catalog.findings.length} findings, from ${films} films of ${patients} patients (${dataset}), ${date}.`,
    ),
    `catalog sha256:${digest}\n\n`,
    table(['variant', 'px', 'precision', 'bytes', `ms (${costs.device})`, 'mean AUROC'], rows),
    '\n',
    costNote(
      costs,
      'Cost: decoding, resizing, tensor and inference of one film by one variant. A plan decodes a film once.',
    ),
    paragraph(`Policies: ${Object.keys(policies).join(', ')}; in force: ${vocabulary.defaultPolicy}.`),
    `${notice}\n`,
  ].join('');
}

function meanAuroc({ heads }: Variant): number | undefined {
  const values = Object.values(heads).map(({ auroc }) => auroc.value);
  return values.length > 0 ? values.reduce((a, b) => a + b, 0) / values.length : undefined;
}

function variantNamed({ family: { catalog } }: Router, id: string): Variant {
  const variant = catalog.variants.find((one) => one.id === id);
  if (variant) return variant;
  throw new UsageError(`${id} is not a variant. Choose one of: ${catalog.variants.map((one) => one.id).join(', ')}.`);
}

/** The cost of a variant that plans use. */
const costInUse = (variant: Variant, { costs }: Router) => ({
  device: costs.device,
  source: costs.source,
  ...(costs.measuredOn !== undefined && { measuredOn: costs.measuredOn }),
  ...(costs.withDecoding && { decodeMs: costs.decode([variant]) }),
  ms: costs.of(variant),
});

/** The cost of a variant on one device, in words. */
const costText = (ms: number, decodeMs: number | undefined, device: string, measuredOn = 'not said on what') =>
  `${ms} ms on ${device} ${decodeMs === undefined ? 'for the model alone' : `and ${decodeMs} ms for decoding`} (${measuredOn})`;

function showVariant(variant: Variant, router: Router): string {
  const { device, ms, decodeMs, measuredOn, source } = costInUse(variant, router);
  const rows = Object.entries(variant.heads).map(([finding, { auroc, prevalence }]) => [
    finding,
    `${auroc.value.toFixed(3)} [${auroc.ci95.map((end) => end.toFixed(3)).join(', ')}]`,
    String(auroc.positives),
    String(auroc.negatives),
    prevalence.toFixed(3),
  ]);
  const protocols = new Set(Object.values(variant.heads).map(({ auroc }) => auroc.protocol));
  return [
    `${variant.id}: ${variant.resolution} px, ${variant.precision}, ${variant.file}, ${variant.bytes} bytes\n`,
    `sha256:${variant.sha256}\n`,
    paragraph(
      `${variant.cost.gmacs} GMACs; ${Object.entries(variant.cost.ms)
        .map(([device, ms]) => costText(ms, variant.cost.decodeMs?.[device], device, variant.cost.measuredOn[device]))
        .join(', ')}; AUROC ${[...protocols].join(', ')}`,
    ),
    source === 'host' ? paragraph(`In use, measured on this host: ${costText(ms, decodeMs, device, measuredOn)}`) : '',
    '\n',
    table(['finding', 'AUROC [95 %]', 'pos.', 'neg.', 'prevalence'], rows),
    '\n',
    table(['finding', 'point', 'indeterminate', 'sens.', 'spec.', 'PPV', 'NPV'], operatingPointRows(variant)),
    `\n${notice}\n`,
  ].join('');
}

/** One row per finding and operating point, with the shares at the prevalence of the training films. */
const operatingPointRows = ({ heads }: Variant) =>
  Object.entries(heads).flatMap(([finding, { operatingPoints }]) =>
    operatingPointNames.flatMap((name) => {
      const point = operatingPoints[name];
      if (!point) return [];
      const { low, high, sensitivity, specificity, positivePredictiveValue, negativePredictiveValue } = point;
      return [
        [
          ...[finding, name, `${low.toFixed(3)} to ${high.toFixed(3)}`],
          ...[sensitivity, specificity, positivePredictiveValue, negativePredictiveValue].map(
            (share) => share?.value.toFixed(2) ?? '',
          ),
        ],
      ];
    }),
  );

async function verifyFamily(json: true | undefined): Promise<0 | 1> {
  const config = readConfig(process.env);
  const family = load(config.models, config.family);
  if (typeof family === 'string') {
    show(json, { family: config.family, fault: family, variants: [] }, () => `FAIL  catalog  ${family}\n`);
    return 1;
  }
  // The native library loads here only, so that every other command works without it.
  const { verify } = await import('./verify.ts');
  const variants: { id: string; ok: boolean; found: string }[] = [];
  for (const { id, ...variant } of family.catalog.variants) {
    const { ok, detail } = await verify({ id, ...variant }, family, config.device);
    variants.push({ id, ok, found: detail });
    if (!json) process.stdout.write(paragraph(detail, '      ', `${ok ? 'pass' : 'FAIL'}  ${id}  `));
  }
  show(json, { family: family.catalog.family, variants }, () => '');
  const failed = variants.filter(({ ok }) => !ok).length;
  if (failed > 0)
    process.stderr.write(`alara: ${failed} of ${family.catalog.variants.length} models must not be used.\n`);
  return failed > 0 ? 1 : 0;
}

/** The family, or its fault. For verify, a faulty catalog is a failed check, not wrong usage. */
function load(models: string, name: string) {
  try {
    return loadFamily(models, name);
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error;
    return error.message;
  }
}
