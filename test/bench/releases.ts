import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const family = 'chest14';
const run = promisify(execFile);

/** A store of published families in a folder, with releases of the bundled family: the same models, each time with another catalog. */
export function openReleases(folder: string) {
  const models = join(folder, 'models');
  const store = pathToFileURL(join(folder, 'store')).href;
  mkdirSync(join(models, family), { recursive: true });
  for (const file of readdirSync(join('models', family)))
    if (/\.(onnx|json)$/.test(file)) cpSync(join('models', family, file), join(models, family, file));
  cpSync('models/policies', join(models, 'policies'), { recursive: true });
  const bundled = JSON.parse(readFileSync(join('models', family, 'catalog.json'), 'utf8'));

  /** The commands that an operator runs. */
  const alara = (...words: string[]) =>
    run(process.execPath, ['functions/cli/main.ts', 'catalog', ...words, '--family', family, '--by', 'the benchmark']);

  return {
    /** The store, as a value of ALARA_MODELS. */
    store,
    /** Publish a release on the channel canary. Its number is in the provenance, so the catalog has another digest. */
    async publish(release: number): Promise<void> {
      const { dataset } = bundled.provenance;
      const provenance = { ...bundled.provenance, dataset: `${dataset}, release ${release}` };
      writeFileSync(join(models, family, 'catalog.json'), JSON.stringify({ ...bundled, provenance }));
      await alara('publish', store, '--models', models);
    },
    /** Promote the release on canary to live. */
    promote: async (): Promise<void> => {
      await alara('promote', '--store', store, '--reason', 'endurance');
    },
  };
}
