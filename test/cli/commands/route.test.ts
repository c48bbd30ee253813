import { expect, test } from 'vitest';
import type { RoutedFindingView } from '../../../functions/core/reading-view.ts';
import { alara, family } from '../../support/cli.ts';

test('routes each finding to its floor or above under the published policy, and gives the reasons', async () => {
  const { code, stdout } = await alara(['route', '--policy', 'sabottke-spieler-2020', '--json']);
  const { plan, findings, notice } = JSON.parse(stdout);
  const resolution = new Map(family.catalog.variants.map((variant) => [variant.id, variant.resolution]));
  const policy = family.policies['sabottke-spieler-2020'];
  expect(findings.map(({ finding }: { finding: string }) => finding)).toEqual(family.catalog.findings);
  for (const { finding, variant, why, basis } of findings) {
    const rule = policy?.rules[finding] ?? policy?.otherwise;
    if (!rule || !('minResolution' in rule)) throw new Error('the published policy holds floors');
    expect(resolution.get(variant)).toBeGreaterThanOrEqual(rule.minResolution);
    expect(why).toContain(`${rule.minResolution} px`);
    expect(basis).toBe('published');
  }
  expect(plan.policy).toBe('sabottke-spieler-2020');
  expect(notice).toContain('Not for diagnosis');
  expect(code).toBe(0);
});

test('routes by the policy of the family that prefers its own films to a paper', async () => {
  const { code, stdout } = await alara(['route', '--findings', 'Nodule', '--policy', 'cheapest']);
  expect(stdout).toMatch(/^Policy cheapest: /);
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain('whose difference from the best is not shown');
  expect(code).toBe(0);
});

test('prints the plan, its cost and each rejected variant as text', async () => {
  const { code, stdout } = await alara(['route', '--findings', 'Nodule', '--policy', 'sabottke-spieler-2020']);
  expect(stdout).toMatch(
    /^Policy sabottke-spieler-2020: [\d.]+ ms per film on cpu, [\d.]+ of the cost of\nalways using /,
  );
  expect(stdout).toMatch(/^Nodule: \S+, operating point specific\n {2}448 px: /m);
  expect(stdout).toMatch(/^ {2}not \S+: below the published floor of 448 px$/m);
  expect(code).toBe(0);
});

test('states the operating point of each finding', async () => {
  const names = async (...options: string[]) => {
    const { stdout } = await alara(['route', '--findings', 'Mass,Nodule', '--json', ...options]);
    return JSON.parse(stdout).findings.map((finding: RoutedFindingView) => finding.operatingPoint.name);
  };
  expect(await names()).toEqual(['specific', 'specific']);
  expect(await names('--operating-point', 'sensitive')).toEqual(['sensitive', 'sensitive']);
  const refused = await alara(['route', '--operating-point', 'best']);
  expect(refused.stderr).toMatch(/specific, balanced, sensitive/);
  expect(refused.code).toBe(2);
});

test('a target that no variant meets is a usage error, except for best effort', async () => {
  const refused = await alara(['route', '--findings', 'Nodule', '--min-auroc', '0.999']);
  expect(refused.stderr).toMatch(/No variant meets the target .*Nodule needs AUROC 0\.999.*--best-effort/);
  expect(refused.code).toBe(2);
  const flagged = await alara(['route', '--findings', 'Nodule', '--min-auroc', '0.999', '--best-effort', '--json']);
  expect(JSON.parse(flagged.stdout).findings[0].meetsTarget).toBe(false);
  expect(flagged.code).toBe(0);
});

test('a pinned variant serves all findings', async () => {
  const pinned = family.catalog.variants.at(-1)?.id ?? '';
  const { stdout } = await alara(['route', '--variant', pinned, '--json']);
  expect(JSON.parse(stdout).plan.variants.map(({ id }: { id: string }) => id)).toEqual([pinned]);
});
