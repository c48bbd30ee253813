import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openModelCache } from '../../functions/models/model-cache.ts';
import { openPublished } from '../../functions/models/release-client.ts';
import { folderObjects } from '../../functions/models/store/folder.ts';
import { ConfigError } from '../../functions/platform/config.ts';
import { sha256Sync } from '../../functions/platform/digest.ts';
import { folder, name, publishUnchecked, retrained } from '../support/published.ts';

const bound = 64_000_000;

/** The bundled family and another family with its own models: 51 MB each. */
async function store() {
  const objects = folderObjects(folder());
  const other = retrained();
  const path = join(other, name, 'catalog.json');
  const catalog = JSON.parse(readFileSync(path, 'utf8'));
  for (const variant of catalog.variants) {
    const file = join(other, name, variant.file);
    appendFileSync(file, 'x');
    Object.assign(variant, { sha256: sha256Sync(readFileSync(file)), bytes: statSync(file).size });
  }
  writeFileSync(path, JSON.stringify(catalog));
  return {
    objects,
    one: await publishUnchecked(objects, 'models', 'live'),
    two: await publishUnchecked(objects, other, 'live'),
  };
}

function follow(objects: ReturnType<typeof folderObjects>, cache: string, bytes: number) {
  const published = openPublished(objects, name, 'live', openModelCache(cache, bytes));
  return {
    ...published,
    async use(manifest: string) {
      const installed = await published.open(manifest);
      for (const variant of installed.family.catalog.variants)
        expect(await published.fetch(variant)).toEqual({ kind: 'here' });
      return installed;
    },
  };
}
const cachedBytes = (cache: string) => {
  const models = join(cache, 'sha256');
  return readdirSync(models).reduce((sum, file) => sum + statSync(join(models, file)).size, 0);
};

test('the limit holds again after a family is removed, and after a restart', {
  timeout: 60_000,
}, async () => {
  const { objects, one, two } = await store();
  const cache = folder();
  const service = follow(objects, cache, bound);
  const before = await service.use(one);
  const after = await service.use(two);
  // Both families are in use, and neither may lose a model.
  expect(cachedBytes(cache)).toBeGreaterThan(bound);
  await service.release(before);
  expect(cachedBytes(cache)).toBeLessThanOrEqual(bound);
  for (const { sha256 } of after.family.catalog.variants) expect(statSync(join(cache, 'sha256', sha256))).toBeDefined();

  await service.use(one);
  expect(cachedBytes(cache)).toBeGreaterThan(bound);
  const pointer = { manifest: two, since: new Date().toISOString(), record: 'r' };
  const restarted = follow(objects, cache, bound);
  await restarted.open(two);
  await restarted.keep(pointer);
  expect(cachedBytes(cache)).toBeLessThanOrEqual(bound);
});

test('a start keeps the models of the last served family until it can serve another family', async () => {
  const { objects, one, two } = await store();
  const cache = folder();
  const service = follow(objects, cache, bound);
  const { family } = await service.use(one);
  await service.keep({ manifest: one, since: new Date().toISOString(), record: 'r' });
  const restarted = follow(objects, cache, bound);
  await restarted.release(await restarted.use(two));
  for (const { sha256 } of family.catalog.variants) expect(statSync(join(cache, 'sha256', sha256))).toBeDefined();
});

/** A separate mount namespace, in which a small disk can be mounted without root. */
const canMount = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp']).status === 0;
const child = fileURLToPath(new URL('../support/small-disk.ts', import.meta.url));
function onDisk(options: string) {
  const script = `mount -t tmpfs -o ${options} tmpfs "$1" && exec "$2" "$3" "$4" "$1"`;
  const args = ['-Urm', 'sh', '-c', script, 'sh', folder(), process.execPath, child, folder()];
  return JSON.parse(execFileSync('unshare', args, { encoding: 'utf8' }));
}

test.skipIf(!canMount)(
  'on a full disk, unused models are removed for needed models; otherwise the store is unavailable (needs: unshare -Urm)',
  () => {
    const { before, after, holds, never, parts } = onDisk('size=10m');
    expect(before).toEqual([{ kind: 'here' }, { kind: 'here' }]);
    expect(after).toEqual({ kind: 'here' });
    expect(holds).toEqual([4]);
    expect(never).toEqual({ kind: 'away', problem: expect.stringContaining('is full, and nothing there is unused') });
    expect(parts).toBe(0);
  },
);

test.skipIf(!canMount)('a read-only folder is a wrong setting (needs: unshare -Urm)', () => {
  const { error } = onDisk('ro');
  expect(error).toMatch(/^ConfigError: ALARA_MODEL_CACHE=.*EROFS.*Name a folder that can be written/);
  const file = join(folder(), 'file');
  writeFileSync(file, '');
  expect(() => openModelCache(file, bound)).toThrow(ConfigError);
});
