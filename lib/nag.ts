import { type App, Stack, Validations } from 'aws-cdk-lib';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks, HIPAASecurityChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';

/** Make synthesis fail on every cdk-nag finding that no construct acknowledges. */
export function addNagChecks(app: App): void {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new HIPAASecurityChecks(app));
}

/** Record why cdk-nag rules do not apply to a construct and its children. */
export function acknowledge(construct: IConstruct, reason: string, ...rules: readonly string[]): void {
  for (const id of rules) Validations.of(construct).acknowledge({ id, reason });
}

/** Record why a construct may access all objects of buckets of another stack. */
export function acknowledgeAllObjects(construct: IConstruct, ...buckets: readonly Bucket[]): void {
  const rules = buckets.map((bucket) => {
    // cdk-nag reports a cross-stack reference by the name of its export.
    const stack = Stack.of(bucket);
    const shared: { readonly 'Fn::ImportValue': string } = stack.resolve(stack.exportValue(bucket.bucketArn));
    return `AwsSolutions-IAM5[Resource::${shared['Fn::ImportValue']}/*]`;
  });
  const reason =
    'Models are named by digest and films by id, so no pattern is narrower than all objects of the bucket.';
  acknowledge(construct, reason, ...rules);
}
