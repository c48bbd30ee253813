import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ofType, type Synthesized } from '../synthesize.ts';

/** The resource types in the text, as `AWS::Service::Type`. */
const named = () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/architecture.md'), 'utf8');
  return [...new Set([...text.matchAll(/AWS::\w+::\w+/g)].map(([kind]) => kind))];
};

/** Resource types that the diagram may omit: grants, wiring and helpers of CDK. */
const wiring = [
  /^AWS::(IAM|CDK|Lambda)::/,
  /^Custom::/,
  /^AWS::EC2::(Subnet|Route|RouteTable|SubnetRouteTableAssociation|InternetGateway|VPCGatewayAttachment|EIP|SecurityGroup\w*|LaunchTemplate)$/,
  /::\w*(Policy|Association|Permission|GatewayResponse|Account|Deployment|Resource|Method|Stage|Subscription)$/,
  /^AWS::Cognito::UserPool(Client|Domain|ResourceServer)$/,
  /^AWS::(Backup::BackupSelection|Backup::BackupVault|ECS::ClusterCapacityProviderAssociations|ApiGateway::UsagePlanKey|KMS::Alias|WAFv2::LoggingConfiguration|Logs::MetricFilter)$/,
];

export function diagramInvariants(all: readonly Synthesized[]): void {
  const deployed = new Set(
    all.flatMap(({ data, service }) => Object.values({ ...data, ...service }).map(({ Type }) => Type)),
  );

  test('every resource type in the text is deployed', () => {
    expect(named().length).toBeGreaterThan(20);
    expect(named().filter((kind) => !deployed.has(kind))).toEqual([]);
  });

  test('every deployed resource type is in the text, except for wiring', () => {
    const known = named();
    const missing = [...deployed].filter(
      (kind) => !known.includes(kind) && !wiring.some((pattern) => pattern.test(kind)),
    );
    expect(missing).toEqual([]);
    for (const { data } of all) expect(ofType(data, 'AWS::S3::Bucket').length).toBe(3);
  });
}
