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

/** The service deletes films after it has read them. This limit deletes films that no job ever used. */
const uploadDays = 35;

/** The buckets for models, for uploaded films, and for access logs. */
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
      // Log delivery of S3 and of load balancers supports no other encryption.
      encryption: BucketEncryption.S3_MANAGED,
      versioned: true,
      lifecycleRules: [
        { expiration: Duration.days(logDays), noncurrentVersionExpiration: Duration.days(30) },
        { abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    const encrypted = (key: Key, prefix: string): BucketProps => ({
      ...common,
      encryption: BucketEncryption.KMS,
      encryptionKey: key,
      bucketKeyEnabled: true,
      serverAccessLogsBucket: this.audit,
      serverAccessLogsPrefix: `s3/${prefix}/`,
    });
    this.models = new Bucket(this, 'Models', {
      ...encrypted(keys.models, 'models'),
      // Models are stored by digest and never change. Versioning protects the pointer to the live release.
      versioned: true,
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    });
    this.uploads = new Bucket(this, 'Uploads', {
      ...encrypted(keys.patients, 'uploads'),
      lifecycleRules: [
        // Only films expire. Records that are too large for the table have another prefix and live as long as their reading.
        { prefix: 'blobs/', expiration: Duration.days(uploadDays) },
        { abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });

    acknowledge(
      this.audit,
      'Log delivery of S3 and of load balancers supports only SSE-S3.',
      'HIPAA.Security-S3DefaultEncryptionKMS',
    );
    acknowledge(
      this.uploads,
      'Films are deleted after they have been read. A version would retain a deleted film.',
      'HIPAA.Security-S3BucketVersioningEnabled',
    );
    acknowledge(
      this,
      'One region by choice: patient data must not leave it, and models can be published again from their source.',
      'HIPAA.Security-S3BucketReplicationEnabled',
    );
  }
}
