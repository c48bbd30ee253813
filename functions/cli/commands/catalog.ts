import type { Command } from 'commander';
import type { Calibration, Variant } from '../../core/catalog.ts';
import { notice } from '../../core/reading.ts';
import { openRouter, type Router } from '../../inference/router.ts';
import { CatalogError } from '../../models/catalog-error.ts';
import { loadFamily } from '../../models/load.ts';
import { readConfig } from '../../platform/config.ts';
import { UsageError } from '../errors.ts';
import { table } from '../output/table.ts';
import { channels, records } from './catalog-channels.ts';
import { promote, rollback } from './catalog-promote.ts';
import { publish } from './catalog-publish.ts';

/** `alara catalog`: show and verify the models. */
export function catalog(program: Command): void {
  const command = program
    .command('catalog')
    .description('Show or verify the model family; publish and promote families.');
  command
    .command('show')
    .description('List the variants; with a variant, its measurements per finding.')
    .argument('[variant]')
    .addHelpText('after', '\nExamples:\n  alara catalog show\n  alara catalog show r448-int8')
    .action((variant?: string) => {
      const router = openRouter(readConfig(process.env));
      process.stdout.write(variant === undefined ? showFamily(router) : showVariant(router, variant));
    });
  command
    .command('verify')
    .description('Hash every model file, open it in ONNX Runtime and run it once. Exit code 1 if one fails.')
    .addHelpText('after', '\nExample:\n  ALARA_MODELS=/srv/models alara catalog verify')
    .action(async () => {
      process.exitCode = await verifyFamily();
    });
  for (const verb of [publish, promote, rollback, channels, records]) verb(command);
}

function showFamily({ family: { catalog, policies, digest }, costs, vocabulary }: Router): string {
  const rows = catalog.variants.map((variant) => [
    variant.id,
    String(variant.resolution),
    variant.precision,
    String(variant.bytes),
    costs.of(variant).toFixed(1),
    meanAuroc(variant),
  ]);
  const { dataset, films, patients, date } = catalog.provenance;
  return [
    `Family ${catalog.family}: ${catalog.findings.length} findings, from ${films} films of ${patients} patients (${dataset}), ${date}.\n`,
    `catalog sha256:${digest}\n\n`,
    table(['variant', 'px', 'precision', 'bytes', `ms (${costs.device})`, 'mean AUROC'], rows),
    `\nPolicies: ${Object.keys(policies).join(', ')}; in force: ${vocabulary.defaultPolicy}.\n${notice}\n`,
  ].join('');
}

function meanAuroc({ heads }: Variant): string {
  const values = Object.values(heads).map(({ auroc }) => auroc.value);
  return values.length > 0 ? (values.reduce((a, b) => a + b, 0) / values.length).toFixed(3) : '';
}

function showVariant({ family: { catalog } }: Router, id: string): string {
  const variant = catalog.variants.find((one) => one.id === id);
  if (!variant)
    throw new UsageError(`${id} is not a variant. Choose one of: ${catalog.variants.map((one) => one.id).join(', ')}.`);
  const rows = Object.entries(variant.heads).map(([finding, { auroc, threshold, calibration, prevalence }]) => [
    finding,
    `${auroc.value.toFixed(3)} [${auroc.ci95.map((end) => end.toFixed(3)).join(', ')}]`,
    String(auroc.positives),
    String(auroc.negatives),
    `${threshold.value.toFixed(3)} [${threshold.low.toFixed(3)}, ${threshold.high.toFixed(3)}]`,
    prevalence.toFixed(3),
    calibrationInWords(calibration),
  ]);
  const protocols = new Set(Object.values(variant.heads).map(({ auroc }) => auroc.protocol));
  return [
    `${variant.id}: ${variant.resolution} px, ${variant.precision}, ${variant.file}, ${variant.bytes} bytes, sha256:${variant.sha256}\n`,
    `${variant.cost.gmacs} GMACs; ${Object.entries(variant.cost.ms)
      .map(([device, ms]) => `${ms} ms on ${device} (${variant.cost.measuredOn[device] ?? 'not said on what'})`)
      .join(', ')}; AUROC ${[...protocols].join(', ')}\n\n`,
    table(
      ['finding', 'AUROC [95 %]', 'with', 'without', 'threshold [indeterminate]', 'prevalence', 'calibration'],
      rows,
    ),
    `\n${notice}\n`,
  ].join('');
}

async function verifyFamily(): Promise<0 | 1> {
  const config = readConfig(process.env);
  const family = load(config.models, config.family);
  if (!family) return 1;
  // The native library loads here only, so that every other command works without it.
  const { verify } = await import('./verify.ts');
  let failed = 0;
  for (const variant of family.catalog.variants) {
    const { ok, says } = await verify(variant, family, config.device);
    if (!ok) failed++;
    process.stdout.write(`${ok ? 'pass' : 'FAIL'}  ${variant.id}  ${says}\n`);
  }
  if (failed > 0)
    process.stderr.write(`alara: ${failed} of ${family.catalog.variants.length} models must not be used.\n`);
  return failed > 0 ? 1 : 0;
}

/** The family; undefined after printing its fault. For verify, a faulty catalog is a failed check, not wrong usage. */
function load(models: string, name: string) {
  try {
    return loadFamily(models, name);
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error;
    process.stdout.write(`FAIL  catalog  ${error.message}\n`);
    return undefined;
  }
}

function calibrationInWords(calibration: Calibration): string {
  if (calibration.method === 'isotonic') return `isotonic, ${calibration.x.length} points`;
  const { method, ...numbers } = calibration;
  return [method, ...Object.entries(numbers).map(([name, value]) => `${name} ${value.toFixed(3)}`)].join(', ');
}
