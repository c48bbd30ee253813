import { Stack, type StackProps } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { Environment } from '../environments.ts';
import { acknowledge } from '../nag.ts';
import { Buckets } from './buckets.ts';
import { Logs } from './logs.ts';
import { MachineClients } from './machine-clients.ts';
import { JobQueues } from './queues.ts';
import { removalPolicyFor } from './removal-policy.ts';
import { RecordTable } from './table.ts';

export type DataStackProps = StackProps & { readonly environment: Environment };

/** Everything that outlives the service stack. */
export class DataStack extends Stack {
  readonly keys: { readonly models: Key; readonly patients: Key };
  readonly buckets: Buckets;
  readonly records: RecordTable;
  readonly queues: JobQueues;
  /** Undefined where an external OpenID Connect issuer provides the tokens. */
  readonly machineClients: MachineClients | undefined;
  /** Access logs are retained because audits need them after the service is gone. */
  readonly logs: Logs;
  /** `ALARA_KEY`: the service encrypts patient data with it, in addition to the encryption of AWS. */
  readonly vaultKey: Secret;

  constructor(scope: Construct, id: string, { environment, ...props }: DataStackProps) {
    super(scope, id, props);
    const { name, keepData: keep, logDays } = environment;
    const removalPolicy = removalPolicyFor(keep);
    const key = (id: string, content: string) =>
      new Key(this, id, {
        alias: `alara/${name}/${content}`,
        description: `Alara ${name}: ${content}`,
        enableKeyRotation: true,
        removalPolicy,
      });
    // Two keys, because models may be shared with other accounts and patient data may not.
    this.keys = { models: key('ModelKey', 'models'), patients: key('PatientKey', 'patients') };
    this.buckets = new Buckets(this, 'Buckets', { keep, logDays, keys: this.keys });
    this.records = new RecordTable(this, 'Records', { keep, key: this.keys.patients });
    this.queues = new JobQueues(this, 'Jobs', { keep, key: this.keys.patients });
    this.machineClients =
      environment.identity.kind === 'cognito' ? new MachineClients(this, 'Machines', { environment }) : undefined;
    this.logs = new Logs(this, 'Logs', { environment });
    this.vaultKey = new Secret(this, 'Seal', {
      secretName: `alara/${name}/seal`,
      description: 'ALARA_KEY: 32 bytes in Base64',
      encryptionKey: this.keys.patients,
      removalPolicy,
      // 43 characters of Base64 hold 32 bytes; the padding is implied.
      generateSecretString: {
        passwordLength: 43,
        requireEachIncludedType: false,
        excludeCharacters: `!"#$%&'()*,-.:;<=>?@[\\]^_\`{|}~`,
      },
    });
    acknowledge(
      this.vaultKey,
      'Data encrypted with one key cannot be decrypted with another. docs/deploy.md describes the replacement.',
      'AwsSolutions-SMG4',
      'HIPAA.Security-SecretsManagerRotationEnabled',
    );
  }
}
