import { App, Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks, HIPAASecurityChecks } from 'cdk-nag';
import { expect, test } from 'vitest';

test('both packs report a bucket without TLS and versioning', () => {
  const app = new App();
  new Bucket(new Stack(app, 'Stack'), 'Bucket');
  const found = [new AwsSolutionsChecks(app), new HIPAASecurityChecks(app)].map((pack) =>
    pack.validateScope(app).violations.map(({ ruleName }) => ruleName),
  );
  expect(found[0]).toContain('AwsSolutions-S10');
  expect(found[1]).toContain('HIPAA.Security-S3BucketVersioningEnabled');
});
