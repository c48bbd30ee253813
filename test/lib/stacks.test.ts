import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { environmentNamed, environments } from '../../lib/environments.ts';
import { diagramInvariants } from './invariants/architecture-diagram.ts';
import { serviceInvariants } from './invariants/compute.ts';
import { dataInvariants } from './invariants/data.ts';
import { frontInvariants } from './invariants/gateway.ts';
import { accessInvariants } from './invariants/grants.ts';
import { observeInvariants } from './invariants/monitoring.ts';
import { nagInvariants } from './invariants/nag.ts';
import { ofType, otherwise, type Resource, synthesized } from './synthesize.ts';

// Synthesis takes a second or two: each environment once, and every invariant looks at the same templates.
const all = [...environments, otherwise].map((environment) => synthesized(environment));

describe.each(all.map((stacks) => [stacks.environment.name, stacks] as const))('%s', (_, stacks) => {
  describe('data', () => dataInvariants(stacks));
  describe('access', () => accessInvariants(stacks));
  describe('service', () => serviceInvariants(stacks));
  describe('front', () => frontInvariants(stacks));
  describe('observed', () => observeInvariants(stacks));
  describe('cdk-nag', () => nagInvariants(stacks));
});

describe('docs/architecture.md', () => diagramInvariants(all));

test('a release names what its images are built on, by digest', () => {
  const nodeImage = `node:24-bookworm-slim@sha256:${'0'.repeat(64)}`;
  for (const { dockerBuildArgs } of synthesized(environmentNamed('dev'), { nodeImage }).images) {
    expect(dockerBuildArgs).toMatchObject({ NODE_IMAGE: nodeImage });
    expect(Object.keys(dockerBuildArgs ?? {})).not.toContain('CUDA_IMAGE');
  }
});

test('a template is accepted by CloudFormation up to 1 MB and 500 resources', () => {
  for (const { template, data, service } of all) {
    for (const text of Object.values(template)) expect(text.length).toBeLessThan(1_000_000);
    for (const resources of [data, service]) expect(Object.keys(resources).length).toBeLessThan(500);
  }
});

test('an issuer can take the place of the pool: the service needs nothing new for it, and then nothing of the pool', () => {
  const withPool = synthesized({ ...otherwise, identity: { kind: 'cognito' } });
  const withIssuer = all.find(({ environment }) => environment === otherwise);
  const imported = [...(withIssuer?.template.service.matchAll(/"Fn::ImportValue": "([^"]+)"/g) ?? [])].map(
    ([, name = '']) => name,
  );
  expect(imported.length).toBeGreaterThan(10);
  expect(imported.filter((name) => !withPool.exported.has(name))).toEqual([]);
  expect(imported.filter((name) => name.includes('MachinesPool'))).toEqual([]);
});

test('where it is reached is said once, under the name that docs/deploy.md asks for', () => {
  for (const { template } of all) expect(Object.keys(JSON.parse(template.service).Outputs)).toEqual(['Url']);
  expect(readFileSync(join(import.meta.dirname, '../../docs/deploy.md'), 'utf8')).toContain("OutputKey=='Url'");
});

test('training has shared memory for those who read films', () => {
  const [[, job] = []] = all.flatMap(({ service }) => ofType(service, 'AWS::Batch::JobDefinition'));
  expect(job?.Properties['ContainerProperties']).toMatchObject({
    LinuxParameters: { SharedMemorySize: 4096 },
    ResourceRequirements: expect.arrayContaining([{ Type: 'MEMORY', Value: '14336' }]),
  });
});

test('no resource waits for itself', () => {
  for (const { data, service } of all) for (const resources of [data, service]) expect(cycleIn(resources)).toEqual([]);
});

/** The first cycle of references and DependsOn, which CloudFormation would refuse. */
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
