import type { Command } from 'commander';
import { CatalogError } from '../../models/catalog-error.ts';
import { ConfigError } from '../../platform/config.ts';
import { help } from '../help.ts';
import { type JsonOption, show, withJson } from '../output/json.ts';
import { paragraph } from '../output/wrap.ts';
import { type Check, type CheckResult, checks } from './doctor-checks.ts';

/** `alara doctor`: check this machine, and print the fix for each failed check. */
export function doctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('Check this machine, its settings and its models. A failed check prints its fix.');
  help(withJson(command), { example: 'alara doctor', notes: ['The exit code is 1 when a check failed.'] }).action(
    async ({ json }: JsonOption) => {
      const done: { check: string; state: 'pass' | 'fail' | 'skip'; found: string; fix?: string }[] = [];
      for (const [name, check] of Object.entries(checks))
        for (const { state, found, fix } of await attempt(check)) {
          done.push({
            check: name,
            state: state === 'FAIL' ? 'fail' : state,
            found,
            ...(fix !== undefined && { fix }),
          });
          // Each line appears when its check ends, because a check may take seconds.
          if (!json) process.stdout.write(line(state, name, found, fix));
        }
      show(json, done, () => '');
      const failed = done.filter(({ state }) => state === 'fail').length;
      if (failed > 0) process.stderr.write(`alara: ${failed} of ${done.length} checks failed.\n`);
      process.exitCode = failed > 0 ? 1 : 0;
    },
  );
}

/** A check in lines of at most 80 columns. A line break in `found` separates faults. */
function line(state: string, name: string, found: string, fix: string | undefined): string {
  const [first = '', ...others] = found.split('\n').map((each) => each.trim());
  return [
    paragraph(first, ' '.repeat(20), `${state}  ${name.padEnd(12)}  `),
    ...others.map((each) => paragraph(each, ' '.repeat(20), ' '.repeat(20))),
    ...(fix === undefined ? [] : [paragraph(fix, '      ', '      fix: ')]),
  ].join('');
}

/** A check is skipped if an earlier check found a fault in the settings or models that it needs. */
async function attempt(check: Check): Promise<readonly (CheckResult & { state: 'pass' | 'FAIL' | 'skip' })[]> {
  try {
    const findings = [await check()].flat();
    return findings.map((finding) => ({ state: finding.fix ? 'FAIL' : 'pass', ...finding }));
  } catch (error) {
    if (error instanceof ConfigError || error instanceof CatalogError)
      return [{ state: 'skip', found: 'not checked: it needs what failed above' }];
    throw error;
  }
}
