import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle, external, served } from '../../functions/build.ts';
import { until } from '../support/cli.ts';
import { merge } from '../support/dicom/element.ts';
import { chest } from '../support/dicom/film.ts';
import { chestDataset, encapsulated } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { type Image, missing, openImage } from './container.ts';
import { argv, only, run, said } from './dockerfile.ts';

const folder = mkdtempSync(join(tmpdir(), 'alara-image-'));
const staged = join(folder, 'app');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder with only the files that the build stage copies, and the installed packages. */
function buildContext(): string {
  const context = join(folder, 'src');
  mkdirSync(join(context, 'node_modules'), { recursive: true });
  for (const copy of said('build', 'COPY')) {
    const paths = copy.split(' ');
    const [to = ''] = paths.splice(-1);
    for (const path of paths) cpSync(path, to === './' ? join(context, path) : join(context, to), { recursive: true });
  }
  return context;
}

const packagesIn = (modules: string): string[] =>
  readdirSync(modules, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name === 'package.json')
    .map((entry) => entry.parentPath)
    .filter((path) => /node_modules\/(@[^/]+\/)?[^/]+$/.test(path));

describe.skipIf(missing !== '')(`the image${missing}`, () => {
  let image: Image;
  let key = '';

  beforeAll(async () => {
    const context = buildContext();
    const stage = run('build', 'stage.ts').replace('/app', staged);
    // Mount the installed packages into the folder for this command only.
    const lend = `umask 077; mount --rbind ${resolve('node_modules')} node_modules && ${stage}`;
    const user = process.getuid?.() === 0 ? [] : ['-r'];
    const sizes = execFileSync('unshare', [...user, '--mount', 'sh', '-c', lend], {
      cwd: context,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    console.log(sizes);
    image = await openImage(staged);
    const alara = argv(only('cpu', 'ENTRYPOINT'));
    const made = await image.exec([...alara, 'keys', 'create', ...['--tenant', 'test', '--scopes', 'readings']]);
    expect(made.status, made.stderr).toBe(0);
    key = made.stdout.trim();
  }, 120_000);
  afterAll(() => image?.close());

  const read = async (query: string, type: string, bodyFile: string) =>
    image.ask(`/v1/readings${query}`, {
      method: 'POST',
      headers: { 'content-type': type, authorization: `Bearer ${key}` },
      bodyFile: resolve(bodyFile),
    });
  const png = 'test/films/00000442_000.png';

  test('contains no development package, and its bill of materials lists all packages', async () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { dev?: boolean; version: string }>;
    };
    const apart = packagesIn(join(staged, 'node_modules')).map((path) => path.slice(staged.length + 1));
    expect(apart).toEqual(expect.arrayContaining(external.map((name) => `node_modules/${name}`)));
    const inputs = await bundle(join(folder, 'bundle'), false);
    const bundled = inputs.map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path);
    const contained = [...new Set([...apart, ...bundled])];
    expect(contained.length).toBeGreaterThan(apart.length + 10);
    expect(contained.filter((path) => packages[path]?.dev !== undefined || packages[path] === undefined)).toEqual([]);

    const { components } = JSON.parse(readFileSync(join(staged, 'sbom.cdx.json'), 'utf8'));
    const listed = components.map(({ name, version }: { name: string; version: string }) => `${name}@${version}`);
    const names = [...contained, `node_modules/${served}`];
    expect(listed).toEqual(
      expect.arrayContaining(names.map((path) => `${path.split('node_modules/').at(-1)}@${packages[path]?.version}`)),
    );
    expect(
      listed.filter((name: string) => /^(vitest|esbuild|typescript|vue|aws-cdk|playwright-core|node)@/.test(name)),
    ).toEqual([]);
  });

  test('is readable for its user and writable for no other user, with any umask of the build', () => {
    for (const entry of readdirSync(staged, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      expect(statSync(path).mode & 0o777, path).toBe(entry.isDirectory() ? 0o755 : 0o644);
    }
  });

  test('finds every native library that it is linked to', () => {
    const linked = run('cpu', 'linked.sh').replace('/linked.sh', 'functions/image/linked.sh').replace('/app', staged);
    expect(execFileSync('sh', ['-c', linked], { encoding: 'utf8' })).toMatch(/^[1-9]\d* native libraries, 0 of them/);
  });

  test('reads films as its own user on a read-only root, and drains on SIGTERM', async () => {
    const health = argv(only('cpu', 'HEALTHCHECK'));
    expect((await image.exec(health)).status).toBe(1);
    const service = await image.start({ ALARA_WORKERS: '1' });
    expect((await image.ask('/health/ready')).status, service.said()).toBe(200);
    expect((await image.exec(health)).status).toBe(0);

    const status = readFileSync(`/proc/${service.first()}/status`, 'utf8');
    expect(status).toMatch(/^NSpid:.*\t1$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    const mounts = readFileSync(`/proc/${service.first()}/mounts`, 'utf8');
    for (const path of ['/', '/app']) expect(mounts).toMatch(new RegExp(`^\\S+ ${path} \\S+ ro,`, 'm'));
    const write = "fs.writeFileSync(process.argv[1] + '/written', '')";
    for (const path of ['/app', '/', '/usr/local/bin'])
      expect((await image.exec(['node', '-e', write, path])).stderr, path).toMatch(/EROFS|EACCES/);
    for (const path of ['/data', '/tmp']) expect((await image.exec(['node', '-e', write, path])).stderr, path).toBe('');
    const who = await image.exec(['node', '-p', '[process.getuid(), process.getgid()].join(":")']);
    expect(who.stdout.trim()).toBe(only('cpu', 'USER'));

    expect((await image.ask('/v1/catalog')).status).toBe(401);
    const film = await read('?findings=Mass', 'image/png', png);
    expect(film.status, film.body).toBe(201);
    // A compressed film, so that the codec loads its files.
    const stored = await chest({ columns: 1024, rows: 1024, bits: 8 });
    const jpeg = await sharp(Buffer.from(stored.values), { raw: { width: 1024, height: 1024, channels: 1 } })
      .toColourspace('b-w')
      .jpeg()
      .toBuffer();
    const dicom = join(folder, 'film.dcm');
    const dataset = merge(chestDataset(stored), [encapsulated(jpeg)]);
    writeFileSync(dicom, part10(dataset, { transferSyntax: '1.2.840.10008.1.2.4.50' }));
    const instance = await read('?findings=Mass', 'application/dicom', dicom);
    expect(instance.status, instance.body).toBe(201);
    expect(JSON.parse(instance.body).findings).toHaveLength(1);
    for (const path of ['/', '/docs/scalar.js']) expect((await image.ask(path)).status, path).toBe(200);

    const flight = [1, 2, 3, 4].map((i) => read(`?prevalence=0.1${i}`, 'image/png', png));
    await until(async () => {
      const { waiting, running } = JSON.parse((await image.ask('/health/ready')).body);
      return waiting + running === flight.length;
    });
    process.kill(service.first(), 'SIGTERM');
    expect((await Promise.all(flight)).map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(await service.ended, service.said()).toBe(0);
  }, 120_000);
});
