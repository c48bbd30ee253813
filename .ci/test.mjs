// Every test: TypeScript by vitest, Python by pytest. Ends with one line that counts both.
// FAIL_ON_SKIP=1 turns skips into failures. --long runs the long tests instead: *.long.test.ts, and pytest's marker `long`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const reports = mkdtempSync(join(tmpdir(), 'alara-tests-'));
const long = process.argv[2] === '--long';
const only = process.argv.slice(long ? 3 : 2);
if (long) process.env.LONG_TESTS = '1';

function run(command, args, accepted = [0]) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error) console.error(`${command}: ${error.message}`);
  return accepted.includes(status);
}

const vitest = join(reports, 'vitest.json');
const typescript = run('node_modules/.bin/vitest', [
  ...[
    'run',
    ...(long ? [] : ['--coverage']),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${vitest}`,
    ...only,
  ],
]);
const pytest = join(reports, 'pytest.xml');
const marker = long ? 'long' : 'not long';
// pytest ends with 5 where no test has the marker.
const accepted = long ? [0, 5] : [0];
const pytestArgs = ['-m', 'pytest', '-q', '-m', marker, `--junitxml=${pytest}`, 'test/training'];
const python = run('.venv/bin/python', pytestArgs, accepted);

const counts = { passed: 0, failed: 0, skipped: 0 };
if (existsSync(vitest)) {
  const report = JSON.parse(readFileSync(vitest, 'utf8'));
  counts.passed += report.numPassedTests;
  counts.failed += report.numFailedTests;
  counts.skipped += report.numPendingTests + (report.numTodoTests ?? 0);
}
if (existsSync(pytest)) {
  const suite = /<testsuite [^>]*>/.exec(readFileSync(pytest, 'utf8'))?.[0] ?? '';
  const [tests, failures, errors, skipped] = ['tests', 'failures', 'errors', 'skipped'].map((name) =>
    Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0),
  );
  counts.passed += tests - failures - errors - skipped;
  counts.failed += failures + errors;
  counts.skipped += skipped;
}
if (!typescript && counts.failed === 0) counts.failed++;
if (!python && counts.failed === 0) counts.failed++;

console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
const strict = process.env.FAIL_ON_SKIP === '1' && counts.skipped > 0;
if (strict) console.error('Skipped tests count as failures here: install what they name.');
process.exit(typescript && python && counts.failed === 0 && !strict ? 0 : 1);
