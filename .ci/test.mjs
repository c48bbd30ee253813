// Runs all tests: TypeScript with vitest and Python with pytest, in parallel. The last line counts the tests of both.
// FAIL_ON_SKIP=1 counts skipped tests as failures. --long runs the long tests instead: *.long.test.ts and pytest's marker `long`.
// Paths select tests: npm test -- test/api test/training/input_gate
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const reports = mkdtempSync(join(tmpdir(), 'alara-tests-'));
const long = process.argv[2] === '--long';
const paths = process.argv.slice(long ? 3 : 2);
if (long) process.env.LONG_TESTS = '1';
// Vitest uses both cores, so limit pytest to one thread.
process.env.OMP_NUM_THREADS ??= '1';

/** Run a command to its end. Buffered output is returned, so that it does not mix with the output of another command. */
function run(command, args, { accepted = [0], isBuffered = false } = {}) {
  const child = spawn(command, args, { stdio: ['ignore', isBuffered ? 'pipe' : 1, isBuffered ? 'pipe' : 2] });
  const output = [];
  child.stdout?.on('data', (chunk) => output.push(chunk));
  child.stderr?.on('data', (chunk) => output.push(chunk));
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ passed: false, output: `${command}: ${error.message}\n` }));
    child.once('close', (code) => resolve({ passed: accepted.includes(code), output: Buffer.concat(output) }));
  });
}

const vitest = join(reports, 'vitest.json');
const pytest = join(reports, 'pytest.xml');
const python = paths.filter((path) => path.startsWith('test/training'));
const typescript = paths.filter((path) => !python.includes(path));
const running = [];
if (paths.length === 0 || typescript.length > 0) {
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${vitest}`, ...typescript];
  running.push(run('node_modules/.bin/vitest', long || paths.length > 0 ? args : [...args, '--coverage']));
}
if (paths.length === 0 || python.length > 0) {
  const args = ['-m', 'pytest', '-q', '-m', long ? 'long' : 'not long', `--junitxml=${pytest}`];
  const folders = python.length > 0 ? python : ['test/training'];
  // pytest exits with 5 if no test has the marker.
  running.push(
    run('.venv/bin/python', [...args, ...folders], { accepted: long ? [0, 5] : [0], isBuffered: running.length > 0 }),
  );
}
const ended = await Promise.all(running);
for (const { output } of ended) process.stdout.write(output);

const counts = { passed: 0, failed: 0, skipped: 0 };
const skipped = [];
if (existsSync(vitest)) {
  const report = JSON.parse(readFileSync(vitest, 'utf8'));
  counts.passed += report.numPassedTests;
  counts.failed += report.numFailedTests;
  counts.skipped += report.numPendingTests + (report.numTodoTests ?? 0);
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  skipped.push(...tests.filter(({ status }) => !['passed', 'failed'].includes(status)).map(({ fullName }) => fullName));
}
if (existsSync(pytest)) {
  const report = readFileSync(pytest, 'utf8');
  const suite = /<testsuite [^>]*>/.exec(report)?.[0] ?? '';
  const [tests, failures, errors, skips] = ['tests', 'failures', 'errors', 'skipped'].map((name) =>
    Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0),
  );
  counts.passed += tests - failures - errors - skips;
  counts.failed += failures + errors;
  counts.skipped += skips;
  skipped.push(...[...report.matchAll(/<skipped [^>]*message="([^"]*)"/g)].map(([, message]) => `(needs: ${message})`));
}
rmSync(reports, { recursive: true });
const passed = ended.every((each) => each.passed);
if (!passed && counts.failed === 0) counts.failed++;

/** The missing dependencies of the skipped tests, in one line. A test that may be skipped has its dependency in parentheses in its name. */
function needs(names) {
  const packages = new Set();
  const others = new Map();
  for (const name of names) {
    const notes = [...name.matchAll(/\(([^()]*)\)/g)].map(([, text]) => text);
    const reason = notes.findLast((text) => /needs|install|pretest/.test(text)) ?? 'an unknown dependency';
    const wanted = /apt-get install(?<list>( [a-z0-9-]+)+)/.exec(reason)?.groups.list.trim().split(' ') ?? [];
    for (const each of wanted.filter((word) => !word.startsWith('-'))) packages.add(each);
    if (wanted.length === 0) others.set(reason, (others.get(reason) ?? 0) + 1);
  }
  const install = packages.size > 0 ? [`apt-get install --yes ${[...packages].sort().join(' ')}`] : [];
  return [...install, ...[...others].map(([reason, count]) => `${reason} (${count})`)].join('; ');
}

if (skipped.length > 0) console.log(`\nSkipped tests: ${needs(skipped)}`);
const strict = process.env.FAIL_ON_SKIP === '1' && counts.skipped > 0;
if (strict) console.error('Skipped tests count as failures (FAIL_ON_SKIP=1).');
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(passed && counts.failed === 0 && !strict ? 0 : 1);
