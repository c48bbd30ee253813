import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnLoggingConfiguration, CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import type { Environment } from '../environments.ts';

export type FirewallProps = { readonly environment: Environment; readonly stageArn: string; readonly log: LogGroup };

/** Rules that look into bodies: a film is bytes of any kind, in which they would find what is not there. */
const aboutBodies = [
  ...['SizeRestrictions_BODY', 'CrossSiteScripting_BODY', 'GenericLFI_BODY', 'GenericRFI_BODY'],
  'EC2MetaDataSSRF_BODY',
];
/** The DICOMweb plugin of Orthanc and its scripts send no User-Agent (Orthanc 1.10.1). */
const aboutSenders = ['NoUserAgent_HEADER'];

/** As a problem of API Gateway (lib/gateway/gateway-responses.ts), but without an id, since nothing of the request can be put in. */
const tooMany = {
  ...{ type: 'about:blank', title: 'Too many requests', status: 429, code: 'throttled' },
  fix: 'Send fewer from one address; this one is asked to wait for Retry-After.',
};

/** AWS WAF before API Gateway: the rules that AWS maintains, and a limit for each address. */
export class Firewall extends Construct {
  readonly name: string;

  constructor(scope: Construct, id: string, { environment, stageArn, log }: FirewallProps) {
    super(scope, id);
    this.name = `alara-${environment.name}`;
    const seen = (metricName: string) => ({
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
      visibilityConfig: seen(name),
    });
    const acl = new CfnWebACL(this, 'Acl', {
      name: this.name,
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: seen(this.name),
      // Comes before what API Gateway says of what a firewall blocked (AWS WAF Developer Guide, Custom responses).
      customResponseBodies: { throttled: { contentType: 'APPLICATION_JSON', content: JSON.stringify(tooMany) } },
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
          visibilityConfig: seen('PerAddress'),
        },
        managed(1, 'AWSManagedRulesAmazonIpReputationList'),
        managed(2, 'AWSManagedRulesCommonRuleSet', [...aboutBodies, ...aboutSenders]),
        managed(3, 'AWSManagedRulesKnownBadInputsRuleSet'),
      ],
    });
    new CfnWebACLAssociation(this, 'Association', { resourceArn: stageArn, webAclArn: acl.attrArn });
    new CfnLoggingConfiguration(this, 'Log', {
      resourceArn: acl.attrArn,
      logDestinationConfigs: [log.logGroupArn],
      redactedFields: [
        // Whoever reads logs must not be able to call.
        ...['authorization', 'x-api-key', 'x-access-token'].map((name) => ({ singleHeader: { Name: name } })),
        // Nor learn of whom a film was: a path of STOW-RS names its study.
        ...[{ uriPath: {} }, { queryString: {} }],
      ],
    });
  }
}
