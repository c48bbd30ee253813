import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import type { Environment } from '../environments.ts';
import { createStacks } from '../stacks.ts';

/** How many there are of what costs money by standing there. */
export type Holdings = {
  /** Interface endpoints, once for each zone. */
  readonly endpointZones: number;
  readonly natGateways: number;
  readonly publicIps: number;
  readonly balancers: number;
  readonly webAcls: number;
  readonly webAclRules: number;
  readonly keys: number;
  readonly secrets: number;
  readonly machineClients: number;
  /** Metrics that alarms look at, those that scaling by a target makes by itself as well. */
  readonly alarmMetrics: number;
  /** Metrics that are counted from logs. */
  readonly logMetrics: number;
  readonly dashboards: number;
};

type Resource = { readonly Type: string; readonly Properties?: Readonly<Record<string, unknown>> };
export type Template = { readonly Resources: Readonly<Record<string, Resource>> };

/** Application Auto Scaling watches a target by one alarm above it and one below, which stand in no template. */
const alarmsATarget = 2;

/** Count what templates make. */
export function countIn(templates: readonly Template[]): Holdings {
  const all = templates.flatMap(({ Resources }) => Object.values(Resources));
  const of = (type: string) =>
    all.filter(({ Type }) => Type === type).map(({ Properties }) => Properties ?? ({} as Record<string, unknown>));
  const length = (value: unknown) => (Array.isArray(value) ? value.length : 0);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  const endpoints = of('AWS::EC2::VPCEndpoint').filter((endpoint) => endpoint['VpcEndpointType'] === 'Interface');
  const acls = of('AWS::WAFv2::WebACL');
  const targets = of('AWS::ApplicationAutoScaling::ScalingPolicy').filter(
    ({ PolicyType }) => PolicyType === 'TargetTrackingScaling',
  );
  const looks = (metrics: unknown): number =>
    Array.isArray(metrics) ? metrics.filter((metric) => 'MetricStat' in metric).length : 1;
  return {
    endpointZones: sum(endpoints.map(({ SubnetIds }) => length(SubnetIds))),
    natGateways: of('AWS::EC2::NatGateway').length,
    publicIps: of('AWS::EC2::EIP').length,
    balancers: of('AWS::ElasticLoadBalancingV2::LoadBalancer').length,
    webAcls: acls.length,
    webAclRules: sum(acls.map(({ Rules }) => length(Rules))),
    keys: of('AWS::KMS::Key').length,
    secrets: of('AWS::SecretsManager::Secret').length,
    machineClients: of('AWS::Cognito::UserPoolClient').length,
    alarmMetrics:
      sum(of('AWS::CloudWatch::Alarm').map(({ Metrics }) => looks(Metrics))) + alarmsATarget * targets.length,
    logMetrics: new Set(
      of('AWS::Logs::MetricFilter').flatMap(({ MetricTransformations }) =>
        Array.isArray(MetricTransformations) ? MetricTransformations.map(({ MetricName }) => MetricName) : [],
      ),
    ).size,
    dashboards: of('AWS::CloudWatch::Dashboard').length,
  };
}

/** What an environment would stand up, counted in its own templates, so that it cannot differ from what is deployed. */
export function holdingsOf(environment: Environment): Holdings {
  const root = join(import.meta.dirname, '../..');
  const { context } = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8')) as { context: Record<string, unknown> };
  const outdir = mkdtempSync(join(tmpdir(), 'alara-cost-'));
  try {
    const app = new App({ outdir, context: { ...context, 'aws:cdk:disable-asset-staging': true } });
    const { data, service } = createStacks(app, environment);
    const assembly = app.synth();
    return countIn([data, service].map(({ artifactId }) => assembly.getStackArtifact(artifactId).template as Template));
  } finally {
    rmSync(outdir, { recursive: true });
  }
}
