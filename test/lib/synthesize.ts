import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, HIPAASecurityChecks } from 'cdk-nag';
import { type Environment, environmentNamed } from '../../lib/environments.ts';
import { createStacks } from '../../lib/stacks.ts';

export type Resource = {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
};

export type Finding = { readonly rule: string; readonly path: string };

export type Synthesized = {
  readonly environment: Environment;
  readonly data: Record<string, Resource>;
  readonly service: Record<string, Resource>;
  readonly terminationProtection: { readonly data: boolean; readonly service: boolean };
  /** The exports of the data stack, by export name. */
  readonly exported: ReadonlyMap<string, unknown>;
  readonly template: { readonly data: string; readonly service: string };
  /** The images that a deployment builds. */
  readonly images: readonly { readonly dockerFile: string; readonly dockerBuildArgs?: Record<string, string> }[];
  readonly findings: readonly Finding[];
  /** Acknowledgements that match no cdk-nag finding. */
  readonly unused: readonly string[];
  readonly ms: number;
};

const { context } = JSON.parse(readFileSync(join(import.meta.dirname, '../../cdk.json'), 'utf8'));

/** Synthesize an environment as `cdk synth` does, and check it with both packs of cdk-nag. */
export function synthesize(environment: Environment, extraContext: Record<string, string> = {}): Synthesized {
  const started = performance.now();
  const outdir = mkdtempSync(join(tmpdir(), 'alara-cdk-'));
  // Hash the image content without copying it.
  const app = new App({ outdir, context: { ...context, ...extraContext, 'aws:cdk:disable-asset-staging': true } });
  const { data, service } = createStacks(app, environment);
  const assembly = app.synth();
  const packs = [new AwsSolutionsChecks(app), new HIPAASecurityChecks(app)];
  const used = new Set<string>();
  const findings = packs.flatMap((pack) => {
    // cdk-nag calls isAcknowledged for every finding. Record which acknowledgements it uses.
    const checks = pack as unknown as { isAcknowledged: (resource: Construct, rule: string) => boolean };
    const isAcknowledged = checks.isAcknowledged.bind(pack);
    checks.isAcknowledged = (resource, rule) => {
      const result = isAcknowledged(resource, rule);
      const holder = [...resource.node.scopes].reverse().find((scope) => acknowledged(scope).includes(rule));
      if (result && holder) used.add(`${holder.node.path} ${rule}`);
      return result;
    };
    return pack
      .validateScope(app)
      .violations.flatMap(({ ruleName, violatingResources }) =>
        violatingResources.map(({ constructPath }) => ({ rule: ruleName, path: constructPath ?? '' })),
      );
  });
  const all = app.node
    .findAll()
    .flatMap((construct) => acknowledged(construct).map((rule) => `${construct.node.path} ${rule}`));
  const text = ({ templateFile }: { templateFile: string }) =>
    readFileSync(join(assembly.directory, templateFile), 'utf8');
  const template = { data: text(data), service: text(service) };
  const { dockerImages } = JSON.parse(readFileSync(join(outdir, `${service.artifactId}.assets.json`), 'utf8'));
  rmSync(outdir, { recursive: true });
  return {
    environment,
    data: JSON.parse(template.data).Resources,
    service: JSON.parse(template.service).Resources,
    terminationProtection: {
      data: data.terminationProtection === true,
      service: service.terminationProtection === true,
    },
    exported: new Map(
      Object.values((JSON.parse(template.data).Outputs ?? {}) as Record<string, Output>).flatMap(({ Export, Value }) =>
        Export ? [[Export.Name, Value]] : [],
      ),
    ),
    template,
    images: Object.values(dockerImages as Record<string, { source: Synthesized['images'][number] }>).map(
      ({ source }) => source,
    ),
    findings,
    unused: all.filter((line) => !used.has(line) && !line.includes(' CloudFormation-Validate::')),
    ms: performance.now() - started,
  };
}

type Output = { readonly Value: unknown; readonly Export?: { readonly Name: string } };

type Construct = Parameters<(typeof Validations)['of']>[0];

const acknowledged = (construct: Construct): string[] =>
  construct.node.metadata
    .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
    .flatMap(({ data }) => Object.keys(data as object).map((id) => id.replace(/^annotation::/i, '')));

/** The options that no bundled environment uses: an external issuer, a split, GPUs for HTTP, a domain, a PACS, training. */
export const withEveryOption: Environment = {
  ...environmentNamed('staging'),
  name: 'other',
  endpoint: { kind: 'public' },
  identity: { kind: 'oidc', issuer: 'https://issuer.hospital.example', audience: 'alara' },
  domain: {
    name: 'alara.hospital.example',
    certificateArn: 'arn:aws:acm:eu-central-1:111122223333:certificate/00000000-0000-0000-0000-000000000000',
  },
  split: [
    {
      name: 'Large',
      variants: ['r512-fp32', 'r512-int8'],
      capacity: { device: 'gpu', size: 'gpu', min: 1, max: 2 },
    },
  ],
  worker: { ...environmentNamed('staging').worker, min: 1 },
  pacs: {
    settings: {
      main: { dicomWeb: 'https://pacs.hospital.example/dicom-web', username: 'alara', passwordEnv: 'PACS_PASSWORD' },
    },
    secrets: { PACS_PASSWORD: 'hospital/pacs' },
  },
  email: 'operator@hospital.example',
  pipeline: { filmsBucket: 'hospital-films', instances: ['g6.xlarge', 'g5.xlarge'], diskGib: 300, hours: 48 },
};

export const ofType = (resources: Record<string, Resource>, type: string): [string, Resource][] =>
  Object.entries(resources).filter(([, { Type }]) => Type === type);
