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
import { installedModels, readConfig } from '../../platform/config.ts';
import { UsageError } from '../errors.ts';
import { help } from '../help.ts';
import { type JsonOption, show, withJson } from '../output/json.ts';
import { paragraph } from '../output/wrap.ts';
import { type SignOffOptions, signOffOf, withStore } from './catalog-store.ts';

type Options = { family?: string; models?: string } & Partial<SignOffOptions> & JsonOption;

/** `alara catalog publish`: upload a family from a folder to a store, and point canary to it. */
export function publish(catalog: Command): void {
  const command = catalog
    .command('publish')
    .description('Verify a family, upload it by digest, and point the channel canary to it.')
    .argument('<store>', 's3://bucket/prefix, or a folder')
    .option('--family <name>', 'the family; default: ALARA_FAMILY')
    .option('--models <folder>', 'the folder of families; default: ALARA_MODELS')
    .option('--by <name>', 'who publishes; default: the user of this process')
    .option('--reason <text>', 'the reason, for the record')
    .option('--sign <key.pem>', 'sign the record with an Ed25519 private key');
  help(withJson(command), {
    example: 'alara catalog publish s3://hospital-models/alara',
    notes: [
      'Every model is hashed and run once before anything is sent. Files that the store already has are not sent again, and damaged files of the store are replaced, so publishing again is safe. The channel live serves the family only after alara catalog promote.',
    ],
  }).action(async (store: string, options: Options) => {
    process.exitCode = await publishFamily(store, options);
  });
}

async function publishFamily(store: string, options: Options): Promise<0 | 1> {
  const config = readConfig(process.env);
  const models = options.models ?? (isStore(config.models) ? installedModels() : config.models);
  if (isStore(models)) throw new UsageError(`--models ${models}: name the folder that contains the family.`);
  const publication = await prepare(models, options.family ?? config.family);
  const { family, digest, manifest } = publication;
  const { json } = options;
  const faults = await faultsOf(publication, config.device);
  if (faults.length > 0) {
    show(json, { family: manifest.family, manifest: digest, published: false, faults }, () =>
      faults.map(({ what, fault }) => paragraph(fault, '      ', `FAIL  ${what}  `)).join(''),
    );
    process.stderr.write('alara: nothing was published.\n');
    return 1;
  }

  return withStore({ store }, async (objects): Promise<0 | 1> => {
    const standing = await readPointer(objects, manifest.family, 'canary');
    const { sent, repaired, present, bytes } = await upload(objects, publication);
    const mended = repaired === 0 ? '' : `${repaired} were damaged and are replaced, `;
    const uploaded = `Family ${manifest.family}, manifest\n${digest}\n${sent} files sent (${(bytes / 1e6).toFixed(1)} MB), ${mended}${present} were there.\n`;
    const view = {
      ...{ family: manifest.family, manifest: digest, published: true, channel: 'canary' },
      ...{ files: { sent, repaired, present }, bytesSent: bytes },
    };
    if (standing?.pointer.manifest === digest) {
      show(json, { ...view, record: null }, () => `${uploaded}The channel canary points to it already.\n`);
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
    show(json, { ...view, record }, () => `${uploaded}The channel canary points to it. Record\n${record}\n`);
    return 0;
  });
}

type PublicationFault = { readonly what: string; readonly fault: string };

/** Run every model and compare the scores with the catalog. */
async function faultsOf({ family }: Publication, device: Device): Promise<PublicationFault[]> {
  // The native library loads here only, so that the other commands work without it.
  const { verify } = await import('./verify.ts');
  const faults: PublicationFault[] = [];
  for (const variant of family.catalog.variants) {
    const { ok, detail } = await verify(variant, family, device);
    if (!ok) faults.push({ what: variant.id, fault: detail });
  }
  const path = join(family.folder, 'scores.json');
  const fault = existsSync(path) ? scoresFault(family, parseObject(Scores, readFileSync(path), path)) : undefined;
  if (fault !== undefined) faults.push({ what: 'scores', fault });
  if (!existsSync(path))
    process.stderr.write(
      'alara: the family has no scores.json, by which families are compared: it can be promoted with --uncompared only.\n',
    );
  return faults;
}
