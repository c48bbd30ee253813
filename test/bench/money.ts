/**
 * What accuracy costs, on the published scores: npm run bench -- money --help. This program looks up the prices of lib/cost, and
 * `alara-train money` computes the table.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parsePrices, threadHourUsd } from '../../lib/cost/estimate.ts';
import { environmentNamed } from '../../lib/environments.ts';

const { values: options } = parseArgs({
  options: {
    env: { type: 'string', default: 'prod' },
    'decode-ms': { type: 'string', default: '202' },
    family: { type: 'string' },
    json: { type: 'string' },
    figure: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`npm run bench -- money [--env prod] [--family models/chest14] [--json FILE] [--figure FILE.svg]
  [--decode-ms 202 (time per film beside the models; JPEG lossless, as in npm run cost)]
USD are those of the seconds that a task of the API is busy. npm run cost estimates a bill.`);
  process.exit();
}
const prices = parsePrices(readFileSync('lib/cost/prices.md', 'utf8'));
const hour = threadHourUsd(environmentNamed(options.env).api, prices);
const files = (['family', 'json', 'figure'] as const).flatMap((name) => {
  const value = options[name];
  return value === undefined ? [] : [`--${name}`, value];
});
const said = spawnSync(
  '.venv/bin/python',
  [
    ...['-m', 'alara_train.cli.main', 'money', '--usd-per-thread-hour', `${hour}`],
    ...['--other-ms', options['decode-ms'], ...files],
  ],
  { stdio: 'inherit', env: { ...process.env, PYTHONPATH: 'training' } },
);
if (said.error) console.error(`${said.error.message}. npm test installs the Python environment.`);
process.exitCode = said.status ?? 1;
