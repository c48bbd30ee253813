import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnLoggingConfiguration, CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import type { Environment } from '../environments.ts';

export type WafProps = { readonly environment: Environment; readonly stageArn: string; readonly log: LogGroup };

/** Managed rules that only count matches instead of blocking. */
const countedRules = [
  // The body is a film. Its bytes can match these rules by chance.
  'SizeRestrictions_BODY',
  'CrossSiteScripting_BODY',
  'GenericLFI_BODY',
  'GenericRFI_BODY',
  'EC2MetaDataSSRF_BODY',
  // The DICOMweb plugin of Orthanc and its scripts send no User-Agent (Orthanc 1.10.1).
  'NoUserAgent_HEADER',
];

/** A problem as in gateway-responses.ts, but without `requestId`, because AWS WAF cannot insert values of the request. */
const tooManyRequests = {
  type: 'about:blank',
  title: 'Too many requests',
  status: 429,
  code: 'throttled',
  fix: 'Wait for the seconds in Retry-After, then send fewer requests per IP address.',
};

/** AWS WAF in front of API Gateway: managed rules, and a rate limit per IP address. */
export class Waf extends Construct {
  readonly name: string;

  constructor(scope: Construct, id: string, { environment, stageArn, log }: WafProps) {
    super(scope, id);
    this.name = `alara-${environment.name}`;
    const visibility = (metricName: string) => ({
      metricName,
      cloudWatchMetricsEnabled: true,
      sampledRequestsEnabled: false,
    });
    const managed = (priority: number, name: string, counted: readonly string[] = []): CfnWebACL.RuleProperty => ({
      name,
      priority,
      overrideAction: { none: {} },
      statement: {
        managedRuleGroupStatement: {
          vendorName: 'AWS',
          name,
          ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
        },
      },
      visibilityConfig: visibility(name),
    });
    const acl = new CfnWebACL(this, 'Acl', {
      name: this.name,
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: visibility(this.name),
      // Takes precedence over the gateway response WAF_FILTERED (AWS WAF Developer Guide, Custom responses).
      customResponseBodies: {
        throttled: { contentType: 'APPLICATION_JSON', content: JSON.stringify(tooManyRequests) },
      },
      rules: [
        {
          name: 'PerAddress',
          priority: 0,
          action: {
            block: {
              customResponse: {
                responseCode: 429,
                responseHeaders: [{ name: 'retry-after', value: '300' }],
                customResponseBodyKey: 'throttled',
              },
            },
          },
          statement: { rateBasedStatement: { limit: environment.limits.address, aggregateKeyType: 'IP' } },
          visibilityConfig: visibility('PerAddress'),
        },
        managed(1, 'AWSManagedRulesAmazonIpReputationList'),
        managed(2, 'AWSManagedRulesCommonRuleSet', countedRules),
        managed(3, 'AWSManagedRulesKnownBadInputsRuleSet'),
      ],
    });
    new CfnWebACLAssociation(this, 'Association', { resourceArn: stageArn, webAclArn: acl.attrArn });
    new CfnLoggingConfiguration(this, 'Log', {
      resourceArn: acl.attrArn,
      logDestinationConfigs: [log.logGroupArn],
      redactedFields: [
        // Credentials must not be in logs.
        { singleHeader: { Name: 'authorization' } },
        { singleHeader: { Name: 'x-api-key' } },
        { singleHeader: { Name: 'x-access-token' } },
        // A STOW-RS path names a study.
        { uriPath: {} },
        { queryString: {} },
      ],
    });
  }
}
