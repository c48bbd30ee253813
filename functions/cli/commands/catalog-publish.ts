import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Device } from '../../inference/session.ts';
import { parseObject } from '../../models/manifest.ts';
import { scoresFault } from '../../models/release/compare.ts';
import { move } from '../../models/release/move-pointer.ts';
import { type Publication, prepare, upload } from '../../models/release/publish.ts';
import { Scores } from '../../models/release/scores.ts';
import { readPointer } from '../../models/release-reader.ts';
import { isStore } from '../../models/store/open-store.ts';
import { readConfig } from '../../platform/config.ts';
import { UsageError } from '../errors.ts';
import { type SignOffOptions, signOffOf, withStore } from './catalog-store.ts';

type Options = { family?: string; models?: string } & Partial<SignOffOptions>;

/** `alara catalog publish`: upload a family from a folder to a store, and point canary to it. */
export function publish(catalog: Command): void {
  catalog
    .command('publish')
    .description('Verify a family, upload it by digest, and point the channel canary to it.')
    .argument('<store>', 's3://bucket/prefix, or a folder')
    .option('--family <name>', 'the family; default: ALARA_FAMILY')
    .option('--models <folder>', 'the folder of families; default: ALARA_MODELS, or models')
    .option('--by <name>', 'who publishes; default: the user of this process')
    .option('--reason <text>', 'why')
    .option('--sign <key.pem>', 'sign the record with an Ed25519 private key')
    .addHelpText(
      'after',
      `
Every model is hashed and run once before anything is sent. What the store holds already is not sent again, so
publishing again is safe and soon done; what it holds and is spoilt is replaced. Nothing is served on the channel live before alara catalog promote.

Examples:
  alara catalog publish s3://hospital-models/alara
  alara catalog publish /srv/published --family chest14 --reason "retrained on 2026 films"`,
    )
    .action(async (store: string, options: Options) => {
      process.exitCode = await publishFamily(store, options);
    });
}

async function publishFamily(store: string, options: Options): Promise<0 | 1> {
  const config = readConfig(process.env);
  const models = options.models ?? (isStore(config.models) ? 'models' : config.models);
  if (isStore(models)) throw new UsageError(`--models ${models}: name the folder that contains the family.`);
  const publication = await prepare(models, options.family ?? config.family);
  const { family, digest, manifest } = publication;
  if (!(await verified(publication, config.device))) return 1;

  return withStore({ store }, async (objects): Promise<0 | 1> => {
    const standing = await readPointer(objects, manifest.family, 'canary');
    const { sent, repaired, present, bytes } = await upload(objects, publication);
    const mended = repaired === 0 ? '' : `${repaired} were spoilt and have been replaced, `;
    process.stdout.write(
      `Family ${manifest.family}, manifest ${digest}\n${sent} files sent (${(bytes / 1e6).toFixed(1)} MB), ${mended}${present} were there.\n`,
    );
    if (standing?.pointer.manifest === digest) {
      process.stdout.write('The channel canary points to it already.\n');
      return 0;
    }
    const { record } = await move(objects, {
      kind: 'publish',
      channel: 'canary',
      to: { digest, manifest },
      standing,
      signOff: signOffOf({ ...options, reason: options.reason ?? `published from ${family.catalog.provenance.date}` }),
      modificationProtocol: null,
      impactAssessment: { conclusion: 'Compared when it is promoted.', comparisons: [] },
    });
    process.stdout.write(`The channel canary points to it. Record ${record}\n`);
    return 0;
  });
}

/** Run every model and compare the scores with the catalog. Faults are printed. */
async function verified({ family }: Publication, device: Device): Promise<boolean> {
  // The native library loads here only, so that the other commands work without it.
  const { verify } = await import('./verify.ts');
  let failed = 0;
  for (const variant of family.catalog.variants) {
    const { ok, says } = await verify(variant, family, device);
    if (ok) continue;
    failed++;
    process.stdout.write(`FAIL  ${variant.id}  ${says}\n`);
  }
  const path = join(family.folder, 'scores.json');
  const fault = existsSync(path) ? scoresFault(family, parseObject(Scores, readFileSync(path), path)) : undefined;
  if (fault !== undefined) process.stdout.write(`FAIL  scores  ${fault}\n`);
  if (!existsSync(path))
    process.stderr.write(
      'alara: the family has no scores.json, by which families are compared: it can be promoted with --uncompared only.\n',
    );
  if (failed > 0 || fault !== undefined) process.stderr.write('alara: nothing was published.\n');
  return failed === 0 && fault === undefined;
}
