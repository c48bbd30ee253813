import { Aws, Stack } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Environment } from '../environments.ts';
import { removalPolicyFor } from './removal-policy.ts';

export type LogsProps = { readonly environment: Environment };

/** Log groups with one retention and one key. The service writes no patient data to them. */
export class Logs extends Construct {
  readonly key: Key;
  private readonly environment: Environment;

  constructor(scope: Construct, id: string, { environment }: LogsProps) {
    super(scope, id);
    this.environment = environment;
    this.key = new Key(this, 'Key', {
      description: `Alara ${environment.name}: logs and alarms`,
      enableKeyRotation: true,
      removalPolicy: removalPolicyFor(environment.keepData),
    });
    const { region } = Stack.of(this);
    // The actions that CloudWatch Logs needs (CloudWatch Logs User Guide, Encrypt log data), for log groups of this account.
    const groups = `arn:${Aws.PARTITION}:logs:${region}:${Aws.ACCOUNT_ID}:log-group:*`;
    this.key.grant(
      new ServicePrincipal(`logs.${region}.amazonaws.com`, {
        conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': groups } },
      }),
      'kms:Encrypt',
      'kms:Decrypt',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
      'kms:GenerateDataKey',
      'kms:GenerateDataKeyWithoutPlaintext',
    );
    // DescribeKey has no encryption context, so it cannot have the condition.
    this.key.grant(new ServicePrincipal(`logs.${region}.amazonaws.com`), 'kms:DescribeKey');
    // The alarm topic is encrypted with this key.
    for (const publisher of alarmPublishers()) this.key.grant(publisher, 'kms:Decrypt', 'kms:GenerateDataKey');
  }

  group(name: string): LogGroup {
    const { name: environment, logDays, keepData } = this.environment;
    // AWS WAF requires that the name of its log group begins with `aws-waf-logs-`.
    const logGroupName = name === 'firewall' ? `aws-waf-logs-alara-${environment}` : `/alara/${environment}/${name}`;
    const group = new LogGroup(this, name, {
      logGroupName,
      retention: logDays as RetentionDays,
      encryptionKey: this.key,
      removalPolicy: removalPolicyFor(keepData),
    });
    // Exported even where the service stack does not import the group (`identity`). When an environment changes from Cognito
    // to an external issuer, the service stack is deployed first and needs the export then.
    for (const value of [group.logGroupArn, group.logGroupName]) Stack.of(this).exportValue(value);
    return group;
  }
}

/** The service principals of this account that may publish to the alarm topic: CloudWatch alarms and the budget. */
export const alarmPublishers = (): readonly ServicePrincipal[] =>
  ['cloudwatch.amazonaws.com', 'budgets.amazonaws.com'].map(
    (service) =>
      new ServicePrincipal(service, { conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } } }),
  );
