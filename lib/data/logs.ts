import { Aws, Stack } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Environment } from '../environments.ts';
import { tellers } from './alarm-publishers.ts';
import { removal } from './removal-policy.ts';

export type LogsProps = { readonly environment: Environment };

/** Log groups of one retention under one key. The service writes no patient data to them. */
export class Logs extends Construct {
  readonly key: Key;
  private readonly environment: Environment;

  constructor(scope: Construct, id: string, { environment }: LogsProps) {
    super(scope, id);
    this.environment = environment;
    this.key = new Key(this, 'Key', {
      description: `Alara ${environment.name}: logs and alarms`,
      enableKeyRotation: true,
      removalPolicy: removal(environment.keepData),
    });
    const { region } = Stack.of(this);
    // What CloudWatch Logs asks for (its User Guide, Encrypt log data), each action named, for groups of this account only.
    const groups = `arn:${Aws.PARTITION}:logs:${region}:${Aws.ACCOUNT_ID}:log-group:*`;
    this.key.grant(
      new ServicePrincipal(`logs.${region}.amazonaws.com`, {
        conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': groups } },
      }),
      ...['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'],
      ...['kms:GenerateDataKey', 'kms:GenerateDataKeyWithoutPlaintext'],
    );
    // No data is described with it, so there is no context to ask for.
    this.key.grant(new ServicePrincipal(`logs.${region}.amazonaws.com`), 'kms:DescribeKey');
    // Alarms and the budget say things on a topic under this key.
    for (const teller of tellers()) this.key.grant(teller, 'kms:Decrypt', 'kms:GenerateDataKey');
  }

  group(name: string): LogGroup {
    const { name: environment, logDays, keepData } = this.environment;
    // The firewall writes only to groups whose name begins so.
    const prefix = name === 'firewall' ? 'aws-waf-logs-alara' : '/alara';
    const group = new LogGroup(this, name, {
      logGroupName: name === 'firewall' ? `${prefix}-${environment}` : `${prefix}/${environment}/${name}`,
      retention: logDays as RetentionDays,
      encryptionKey: this.key,
      removalPolicy: removal(keepData),
    });
    // Handed on whether an environment uses it or not (identity): an issuer that takes the place of the pool needs it in the
    // one deployment that must come before the pool is taken back.
    for (const value of [group.logGroupArn, group.logGroupName]) Stack.of(this).exportValue(value);
    return group;
  }
}
