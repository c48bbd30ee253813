import { RemovalPolicy } from 'aws-cdk-lib';
import { BackupPlan, BackupResource, BackupVault } from 'aws-cdk-lib/aws-backup';
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { acknowledge } from '../nag.ts';
import { removalPolicyFor } from './removal-policy.ts';

export type RecordTableProps = { readonly keep: boolean; readonly key: Key };

/** One table for readings, jobs, API keys and cursors. functions/storage/aws defines the layout. */
export class RecordTable extends Construct {
  readonly table: Table;
  /** The index that lists jobs. */
  readonly index = 'jobs';

  constructor(scope: Construct, id: string, { keep, key }: RecordTableProps) {
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
        'The data of this environment is deleted with it. Point-in-time recovery covers its lifetime.',
        'HIPAA.Security-DynamoDBInBackupPlan',
      );
  }

  private backUp(encryptionKey: Key): void {
    const backupVault = new BackupVault(this, 'Vault', { encryptionKey, removalPolicy: removalPolicyFor(true) });
    const plan = BackupPlan.daily35DayRetention(this, 'Plan', backupVault);
    const selection = plan.addSelection('Table', { resources: [BackupResource.fromDynamoDbTable(this.table)] });
    acknowledge(
      selection,
      'The managed policy that AWS Backup requires. AWS updates it with the service.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup]',
    );
  }
}
