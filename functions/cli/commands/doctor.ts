import type { Command } from 'commander';
import { CatalogError } from '../../models/catalog-error.ts';
import { ConfigError } from '../../platform/config.ts';
import { type Check, checks, type Finding } from './doctor-checks.ts';

/** `alara doctor`: check this machine, and print the fix for each failed check. */
export function doctor(program: Command): void {
  program
    .command('doctor')
    .description('Check this machine, its settings and its models. A failed check prints its fix.')
    .addHelpText(
      'after',
      '\nExample:\n  PORT=9000 ALARA_DATA=/srv/alara alara doctor\n\nThe exit code is 1 when a check failed.',
    )
    .action(async () => {
      const states: string[] = [];
      for (const [name, check] of Object.entries(checks))
        for (const { state, found, fix } of await attempt(check)) {
          states.push(state);
          process.stdout.write(`${state}  ${name.padEnd(12)}  ${found}\n`);
          if (fix) process.stdout.write(`      fix: ${fix}\n`);
        }
      const failed = states.filter((state) => state === 'FAIL').length;
      if (failed > 0) process.stderr.write(`alara: ${failed} of ${states.length} checks failed.\n`);
      process.exitCode = failed > 0 ? 1 : 0;
    });
}

/** A check is skipped if an earlier check found a fault in the settings or models that it needs. */
async function attempt(check: Check): Promise<readonly (Finding & { state: 'pass' | 'FAIL' | 'skip' })[]> {
  try {
    const findings = [await check()].flat();
    return findings.map((finding) => ({ state: finding.fix ? 'FAIL' : 'pass', ...finding }));
  } catch (error) {
    if (error instanceof ConfigError || error instanceof CatalogError)
      return [{ state: 'skip', found: 'not checked: it needs what failed above' }];
    throw error;
  }
}
