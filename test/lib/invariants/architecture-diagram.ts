import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ofType, type Synthesized } from '../synthesize.ts';

/** Kinds of resources that the text names, as `AWS::Service::Kind`. */
const named = () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/architecture.md'), 'utf8');
  return [...new Set([...text.matchAll(/AWS::\w+::\w+/g)].map(([kind]) => kind))];
};

/** What is of no interest in a picture: grants, wiring and what CDK needs. */
const wiring = [
  /^AWS::(IAM|CDK|Lambda)::/,
  /^Custom::/,
  /^AWS::EC2::(Subnet|Route|RouteTable|SubnetRouteTableAssociation|InternetGateway|VPCGatewayAttachment|EIP|SecurityGroup\w*|LaunchTemplate)$/,
  /::\w*(Policy|Association|Permission|GatewayResponse|Account|Deployment|Resource|Method|Stage|Subscription)$/,
  /^AWS::Cognito::UserPool(Client|Domain|ResourceServer)$/,
  /^AWS::(Backup::BackupSelection|Backup::BackupVault|ECS::ClusterCapacityProviderAssociations|ApiGateway::UsagePlanKey|KMS::Alias|WAFv2::LoggingConfiguration|Logs::MetricFilter)$/,
];

export function diagramInvariants(all: readonly Synthesized[]): void {
  const there = new Set(
    all.flatMap(({ data, service }) => Object.values({ ...data, ...service }).map(({ Type }) => Type)),
  );

  test('every kind of resource that it names is deployed', () => {
    expect(named().length).toBeGreaterThan(20);
    expect(named().filter((kind) => !there.has(kind))).toEqual([]);
  });

  test('every kind of resource that is deployed is named, but for wiring', () => {
    const known = named();
    const missing = [...there].filter((kind) => !known.includes(kind) && !wiring.some((pattern) => pattern.test(kind)));
    expect(missing).toEqual([]);
    for (const { data } of all) expect(ofType(data, 'AWS::S3::Bucket').length).toBe(3);
  });
}
