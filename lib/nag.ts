import { Stack, Validations } from 'aws-cdk-lib';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';

/** Say why findings of cdk-nag do not hold for a construct and what is in it: one reason, the rules that it answers. */
export function acknowledge(construct: IConstruct, reason: string, ...ids: readonly string[]): void {
  for (const id of ids) Validations.of(construct).acknowledge({ id, reason });
}

/** Say why a construct is granted all objects of a bucket of another stack. */
export function allObjects(construct: IConstruct, ...buckets: readonly Bucket[]): void {
  const ids = buckets.map((bucket) => {
    // cdk-nag writes a reference to another stack as the name of its export.
    const stack = Stack.of(bucket);
    const shared: { readonly 'Fn::ImportValue': string } = stack.resolve(stack.exportValue(bucket.bucketArn));
    return `AwsSolutions-IAM5[Resource::${shared['Fn::ImportValue']}/*]`;
  });
  const reason = 'All objects of one bucket: models are named by digest and films by id, so no pattern is narrower.';
  acknowledge(construct, reason, ...ids);
}
