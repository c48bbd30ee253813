import { RemovalPolicy } from 'aws-cdk-lib';

/**
 * What becomes of something with its stack. What is kept is kept from the first deployment that succeeds: one that fails
 * takes back what it made, or the names of it would be taken at the next. Not for what is locked against deletion, which could
 * not be taken back and would hold the stack up.
 */
export const removal = (keep: boolean): RemovalPolicy =>
  keep ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
