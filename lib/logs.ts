import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Environment } from './environments.ts';

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
      removalPolicy: environment.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    const { region } = Stack.of(this);
    this.key.grant(
      new ServicePrincipal(`logs.${region}.amazonaws.com`),
      ...['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey', 'kms:DescribeKey'],
    );
    // Alarms and the budget say things on a topic under this key.
    for (const service of ['cloudwatch.amazonaws.com', 'budgets.amazonaws.com'])
      this.key.grant(new ServicePrincipal(service), 'kms:Decrypt', 'kms:GenerateDataKey');
  }

  group(name: string): LogGroup {
    const { name: environment, logDays, keepData } = this.environment;
    // The firewall writes only to groups whose name begins so.
    const prefix = name === 'firewall' ? 'aws-waf-logs-alara' : '/alara';
    return new LogGroup(this, name, {
      logGroupName: name === 'firewall' ? `${prefix}-${environment}` : `${prefix}/${environment}/${name}`,
      retention: logDays as RetentionDays,
      encryptionKey: this.key,
      removalPolicy: keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }
}
