import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { environmentNamed, environments } from '../../lib/environments.ts';
import { diagramInvariants } from './invariants/architecture-diagram.ts';
import { computeInvariants } from './invariants/compute.ts';
import { dataInvariants } from './invariants/data.ts';
import { gatewayInvariants } from './invariants/gateway.ts';
import { grantInvariants } from './invariants/grants.ts';
import { monitoringInvariants } from './invariants/monitoring.ts';
import { nagInvariants } from './invariants/nag.ts';
import { ofType, type Resource, synthesize, withEveryOption } from './synthesize.ts';

// Synthesis takes seconds, so each environment is synthesized once and all invariants check the same templates.
const all = [...environments, withEveryOption].map((environment) => synthesize(environment));

describe.each(all.map((stacks) => [stacks.environment.name, stacks] as const))('%s', (_, stacks) => {
  describe('data', () => dataInvariants(stacks));
  describe('grants', () => grantInvariants(stacks));
  describe('compute', () => computeInvariants(stacks));
  describe('gateway', () => gatewayInvariants(stacks));
  describe('monitoring', () => monitoringInvariants(stacks));
  describe('cdk-nag', () => nagInvariants(stacks));
});

describe('docs/architecture.md', () => diagramInvariants(all));

test('a release pins the base images by digest', () => {
  const nodeImage = `node:24-bookworm-slim@sha256:${'0'.repeat(64)}`;
  for (const { dockerBuildArgs } of synthesize(environmentNamed('dev'), { nodeImage }).images) {
    expect(dockerBuildArgs).toMatchObject({ NODE_IMAGE: nodeImage });
    expect(Object.keys(dockerBuildArgs ?? {})).not.toContain('CUDA_IMAGE');
  }
});

test('templates stay below the limits of CloudFormation, 1 MB and 500 resources', () => {
  for (const { template, data, service } of all) {
    for (const text of Object.values(template)) expect(text.length).toBeLessThan(1_000_000);
    for (const resources of [data, service]) expect(Object.keys(resources).length).toBeLessThan(500);
  }
});

test('an issuer can replace the Cognito pool: the service stack imports nothing new, and nothing of the pool any more', () => {
  const withPool = synthesize({ ...withEveryOption, identity: { kind: 'cognito' } });
  const withIssuer = all.find(({ environment }) => environment === withEveryOption);
  const imported = [...(withIssuer?.template.service.matchAll(/"Fn::ImportValue": "([^"]+)"/g) ?? [])].map(
    ([, name = '']) => name,
  );
  expect(imported.length).toBeGreaterThan(10);
  expect(imported.filter((name) => !withPool.exported.has(name))).toEqual([]);
  expect(imported.filter((name) => name.includes('MachinesPool'))).toEqual([]);
});

test('the only output is the URL, under the name that docs/deploy.md uses', () => {
  for (const { template } of all) expect(Object.keys(JSON.parse(template.service).Outputs)).toEqual(['Url']);
  expect(readFileSync(join(import.meta.dirname, '../../docs/deploy.md'), 'utf8')).toContain("OutputKey=='Url'");
});

test('the training job has shared memory for its data loaders', () => {
  const [[, job] = []] = all.flatMap(({ service }) => ofType(service, 'AWS::Batch::JobDefinition'));
  expect(job?.Properties['ContainerProperties']).toMatchObject({
    LinuxParameters: { SharedMemorySize: 4096 },
    ResourceRequirements: expect.arrayContaining([{ Type: 'MEMORY', Value: '14336' }]),
  });
});

test('no resource depends on itself', () => {
  for (const { data, service } of all) for (const resources of [data, service]) expect(cycleIn(resources)).toEqual([]);
});

/** The first cycle of references and DependsOn. CloudFormation rejects cycles. */
function cycleIn(resources: Record<string, Resource>): readonly string[] {
  const done = new Set<string>();
  const visit = (id: string, path: readonly string[]): readonly string[] => {
    if (path.includes(id)) return [...path.slice(path.indexOf(id)), id];
    if (done.has(id)) return [];
    const needed = [...JSON.stringify(resources[id]).matchAll(/"(?:Ref|Fn::GetAtt|DependsOn)":\[?("[^\]}]*)/g)]
      .flatMap(([, names = '']) => [...names.matchAll(/"(\w+)"/g)].map(([, name = '']) => name))
      .filter((name) => name in resources);
    for (const name of needed) {
      const cycle = visit(name, [...path, id]);
      if (cycle.length > 0) return cycle;
    }
    done.add(id);
    return [];
  };
  return (
    Object.keys(resources)
      .map((id) => visit(id, []))
      .find((cycle) => cycle.length > 0) ?? []
  );
}
