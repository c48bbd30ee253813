import { RemovalPolicy } from 'aws-cdk-lib';
import { BackupPlan, BackupResource, BackupVault } from 'aws-cdk-lib/aws-backup';
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { acknowledge } from '../nag.ts';
import { removal } from './removal-policy.ts';

export type RecordsProps = { readonly keep: boolean; readonly key: Key };

/** Readings, jobs, API keys and cursors: one table, as the service lays it out. */
export class Records extends Construct {
  readonly table: Table;
  /** The index by which jobs are listed. */
  readonly index = 'jobs';

  constructor(scope: Construct, id: string, { keep, key }: RecordsProps) {
    super(scope, id);
    this.table = new Table(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      timeToLiveAttribute: 'expires',
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: key,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: keep,
      removalPolicy: keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.table.addGlobalSecondaryIndex({
      indexName: this.index,
      partitionKey: { name: 'gpk', type: AttributeType.STRING },
      sortKey: { name: 'gsk', type: AttributeType.STRING },
      projectionType: ProjectionType.ALL,
    });
    if (keep) this.backUp(key);
    else
      acknowledge(
        this.table,
        'What is in this environment goes with it; point-in-time recovery covers its life.',
        'HIPAA.Security-DynamoDBInBackupPlan',
      );
  }

  private backUp(encryptionKey: Key): void {
    const backupVault = new BackupVault(this, 'Vault', { encryptionKey, removalPolicy: removal(true) });
    const plan = BackupPlan.daily35DayRetention(this, 'Plan', backupVault);
    const selection = plan.addSelection('Table', { resources: [BackupResource.fromDynamoDbTable(this.table)] });
    acknowledge(
      selection,
      'The policy that AWS Backup asks for; it changes with the service and its own resources.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup]',
    );
  }
}
