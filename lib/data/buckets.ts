import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, type BucketProps, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from '../nag.ts';

export type BucketsProps = {
  readonly keep: boolean;
  readonly logDays: number;
  readonly keys: { readonly models: Key; readonly patients: Key };
};

/** Films are read within days; this is for what nothing ever came for. The service sweeps before. */
const uploadDays = 35;

/** Models, films that wait to be read, and the record of who asked for what. */
export class Buckets extends Construct {
  readonly models: Bucket;
  readonly uploads: Bucket;
  readonly audit: Bucket;

  constructor(scope: Construct, id: string, { keep, logDays, keys }: BucketsProps) {
    super(scope, id);
    const common: BucketProps = {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      removalPolicy: keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      autoDeleteObjects: !keep,
    };
    this.audit = new Bucket(this, 'Audit', {
      ...common,
      // The only encryption that log delivery of S3 and of load balancers writes to.
      encryption: BucketEncryption.S3_MANAGED,
      versioned: true,
      lifecycleRules: [
        { expiration: Duration.days(logDays), noncurrentVersionExpiration: Duration.days(30) },
        { abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    const sealed = (key: Key, prefix: string): BucketProps => ({
      ...common,
      encryption: BucketEncryption.KMS,
      encryptionKey: key,
      bucketKeyEnabled: true,
      serverAccessLogsBucket: this.audit,
      serverAccessLogsPrefix: `s3/${prefix}/`,
    });
    this.models = new Bucket(this, 'Models', {
      ...sealed(keys.models, 'models'),
      // Models are stored under their digest; versions guard the pointer that says which is live.
      versioned: true,
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    });
    this.uploads = new Bucket(this, 'Uploads', {
      ...sealed(keys.patients, 'uploads'),
      lifecycleRules: [
        // Films only: what is too large for the table lies beside them, and is kept as long as its reading.
        { prefix: 'blobs/', expiration: Duration.days(uploadDays) },
        { abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });

    acknowledge(
      this.audit,
      'Log delivery of S3 and of load balancers writes to SSE-S3 only.',
      'HIPAA.Security-S3DefaultEncryptionKMS',
    );
    acknowledge(
      this.uploads,
      'A film is kept until it was read: a version would keep what was removed.',
      'HIPAA.Security-S3BucketVersioningEnabled',
    );
    acknowledge(
      this,
      'One region by choice: patient data stay in it, and models can be published again from where they were made.',
      'HIPAA.Security-S3BucketReplicationEnabled',
    );
  }
}
