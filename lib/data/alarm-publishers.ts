import { Aws } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';

/** Who says things on the topic of alarms: alarms and the budget, of this account and of no other. */
export const tellers = (): readonly ServicePrincipal[] =>
  ['cloudwatch.amazonaws.com', 'budgets.amazonaws.com'].map(
    (service) =>
      new ServicePrincipal(service, { conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } } }),
  );
