// Installs missing dependencies. `npm start` and `npm test` run this script first.
// Plain JavaScript, because it runs on any Node version from 20.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Run `install` unless the marker in the folder has the digest of the same source files. */
function once(folder, sources, install) {
  const marker = join(root, folder, '.alara-setup');
  const digest = createHash('sha256');
  for (const source of sources) digest.update(readFileSync(join(root, source)));
  const want = digest.digest('hex');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === want) return;
  install();
  writeFileSync(marker, want);
}

function run(what, command, args) {
  console.error(`--> ${what}`);
  try {
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  } catch {
    console.error(`\n${what} failed. Correct the error above, then run the same command again.`);
    process.exit(1);
  }
}

once('node_modules', ['package.json', 'package-lock.json'], () => {
  // `npm ci` of npm 11 refuses a lock file without the optional packages of other platforms (npm/cli#9846).
  run('Installing Node packages (about a minute)', 'npm', ['install', '--no-save', '--loglevel=error']);
});

if (process.argv.includes('--python')) {
  const ohif = 'test/results/sr/ohif';
  once(`${ohif}/node_modules`, [`${ohif}/package.json`, `${ohif}/package-lock.json`], () => {
    // Skip the peer dependencies: they are a complete viewer, and the test does not use it.
    const options = ['--no-save', '--ignore-scripts', '--legacy-peer-deps', '--loglevel=error'];
    run("Installing OHIF's SR handler", 'npm', ['install', '--prefix', ohif, ...options]);
  });
  const clients = 'test/clients';
  if (process.argv.includes('--clients'))
    once(`${clients}/node_modules`, [`${clients}/package.json`, `${clients}/package-lock.json`], () => {
      const options = ['--no-save', '--ignore-scripts', '--loglevel=error'];
      run('Installing generators of API clients', 'npm', ['install', '--prefix', clients, ...options]);
    });
  const python = process.env.PYTHON ?? 'python3';
  if (process.argv.includes('--clients'))
    once(`${clients}/.venv`, [`${clients}/requirements.txt`], () => {
      if (!existsSync(join(root, clients, '.venv/bin/python')))
        run(`Creating a Python environment in ${clients}/.venv`, python, ['-m', 'venv', `${clients}/.venv`]);
      run('Installing the Python tools of the API tests', `${clients}/.venv/bin/python`, [
        ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
        ...['--requirement', `${clients}/requirements.txt`],
      ]);
    });
  once('.venv', ['training/pyproject.toml', 'test/requirements.txt'], () => {
    if (!existsSync(join(root, '.venv/bin/python')))
      run('Creating a Python environment in .venv', python, ['-m', 'venv', '.venv']);
    run('Installing the training package (PyTorch: a few minutes)', '.venv/bin/python', [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
      ...['--editable', 'training[test]', '--requirement', 'test/requirements.txt'],
    ]);
  });
}
