import { RemovalPolicy, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { Environment } from './environments.ts';

export type DataStackProps = StackProps & { readonly environment: Environment };

/** What is kept when the service is destroyed: the model bucket and its key. */
export class DataStack extends Stack {
  readonly models: Bucket;

  constructor(scope: Construct, id: string, { environment, ...props }: DataStackProps) {
    super(scope, id, props);
    const removalPolicy = environment.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
    const encryptionKey = new Key(this, 'Key', { enableKeyRotation: true, removalPolicy });
    this.models = new Bucket(this, 'Models', {
      encryption: BucketEncryption.KMS,
      encryptionKey,
      bucketKeyEnabled: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      // Models are stored under their digest; versions guard the pointer that says which is live.
      versioned: true,
      removalPolicy,
    });
    Tags.of(this).add('alara:environment', environment.name);
  }
}
