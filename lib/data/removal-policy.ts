import { RemovalPolicy } from 'aws-cdk-lib';

/**
 * The removal policy of a resource that holds data. A retained resource is retained only after its first successful
 * deployment (RetainExceptOnCreate): a failed deployment deletes what it created, so the next one finds every name free.
 * Do not use it for a resource with deletion protection: CloudFormation cannot delete such a resource, and the rollback fails.
 */
export const removalPolicyFor = (keep: boolean): RemovalPolicy =>
  keep ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
