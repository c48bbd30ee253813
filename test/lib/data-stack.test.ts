import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { DataStack } from '../../lib/data-stack.ts';
import { environmentNamed, environments } from '../../lib/environments.ts';

describe.each(environments.map((environment) => [environment.name, environment] as const))(
  'the data of %s',
  (_, environment) => {
    const template = Template.fromStack(new DataStack(new App(), 'Data', { environment }));

    test('is never public', () => {
      template.allResourcesProperties('AWS::S3::Bucket', {
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      });
    });

    test('is encrypted with a key that rotates, and only reached over TLS', () => {
      template.allResourcesProperties('AWS::S3::Bucket', {
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [
            { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: Match.anyValue() } },
          ],
        },
      });
      template.allResourcesProperties('AWS::KMS::Key', { EnableKeyRotation: true });
      template.hasResourceProperties('AWS::S3::BucketPolicy', {
        PolicyDocument: {
          Statement: Match.arrayWith([
            Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          ]),
        },
      });
    });

    test(environment.keepData ? 'outlives its stack' : 'goes with its stack', () => {
      const DeletionPolicy = environment.keepData ? 'Retain' : 'Delete';
      template.allResources('AWS::S3::Bucket', { DeletionPolicy });
      template.allResources('AWS::KMS::Key', { DeletionPolicy });
    });
  },
);

test('an unknown environment is refused with those there are', () => {
  expect(() => environmentNamed('production')).toThrow('Known: dev, staging, prod');
});
