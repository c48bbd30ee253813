import { Stack, type StackProps } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { Environment } from '../environments.ts';
import { acknowledge } from '../nag.ts';
import { Buckets } from './buckets.ts';
import { Logs } from './logs.ts';
import { Machines } from './machine-clients.ts';
import { Jobs } from './queues.ts';
import { removal } from './removal-policy.ts';
import { Records } from './table.ts';

export type DataStackProps = StackProps & { readonly environment: Environment };

/** What is kept when the service is destroyed. */
export class DataStack extends Stack {
  readonly keys: { readonly models: Key; readonly patients: Key };
  readonly buckets: Buckets;
  readonly records: Records;
  readonly jobs: Jobs;
  /** None where an issuer that is there already is asked. */
  readonly machines: Machines | undefined;
  /** Kept as well: who asked for what, and what was answered, outlives what answered. */
  readonly logs: Logs;
  /** What patient data in the table and in films that wait are sealed with, beside the encryption of AWS. */
  readonly seal: Secret;

  constructor(scope: Construct, id: string, { environment, ...props }: DataStackProps) {
    super(scope, id, props);
    const { name, keepData: keep, logDays } = environment;
    const removalPolicy = removal(keep);
    const key = (id: string, what: string) =>
      new Key(this, id, {
        alias: `alara/${name}/${what}`,
        description: `Alara ${name}: ${what}`,
        enableKeyRotation: true,
        removalPolicy,
      });
    // Two keys, because models may be shared with others and patient data may not.
    this.keys = { models: key('ModelKey', 'models'), patients: key('PatientKey', 'patients') };
    this.buckets = new Buckets(this, 'Buckets', { keep, logDays, keys: this.keys });
    this.records = new Records(this, 'Records', { keep, key: this.keys.patients });
    this.jobs = new Jobs(this, 'Jobs', { keep, key: this.keys.patients });
    this.machines =
      environment.identity.kind === 'cognito' ? new Machines(this, 'Machines', { environment }) : undefined;
    this.logs = new Logs(this, 'Logs', { environment });
    this.seal = new Secret(this, 'Seal', {
      secretName: `alara/${name}/seal`,
      description: 'ALARA_KEY: 32 bytes in Base64',
      encryptionKey: this.keys.patients,
      removalPolicy,
      // 43 letters of Base64 are 32 bytes; the padding is implied.
      generateSecretString: {
        passwordLength: 43,
        requireEachIncludedType: false,
        excludeCharacters: `!"#$%&'()*,-.:;<=>?@[\\]^_\`{|}~`,
      },
    });
    acknowledge(
      this.seal,
      'What was sealed with one key cannot be opened with another: docs/deploy.md has how it is replaced.',
      ...['AwsSolutions-SMG4', 'HIPAA.Security-SecretsManagerRotationEnabled'],
    );
  }
}
