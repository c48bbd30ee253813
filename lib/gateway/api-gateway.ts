import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AccessLogField,
  AccessLogFormat,
  ApiKeySourceType,
  LogGroupLogDestination,
  MethodLoggingLevel,
  Period,
  RestApi,
} from 'aws-cdk-lib/aws-apigateway';
import { Construct } from 'constructs';
import type { Balancer } from '../compute/load-balancer.ts';
import type { Network } from '../compute/network.ts';
import type { DataStack } from '../data/data-stack.ts';
import type { Environment } from '../environments.ts';
import { acknowledge } from '../nag.ts';
import { reach } from './endpoint.ts';
import { answers } from './gateway-responses.ts';
import { Identity } from './identity.ts';
import { Methods } from './routes.ts';
import { Firewall } from './waf.ts';

export type FrontProps = {
  readonly environment: Environment;
  readonly network: Network;
  readonly balancer: Balancer;
  readonly data: DataStack;
};

/** API Gateway: who may call, how often, and what is written down of it. */
export class Front extends Construct {
  readonly api: RestApi;

  constructor(scope: Construct, id: string, { environment, network, balancer, data }: FrontProps) {
    super(scope, id);
    const { name, limits } = environment;
    const { logs, machines } = data;
    this.api = new RestApi(this, 'Api', {
      restApiName: `alara-${name}`,
      ...reach(this, environment, network),
      // Films are bytes, which pass through as they are.
      binaryMediaTypes: ['*/*'],
      apiKeySourceType: ApiKeySourceType.HEADER,
      // One for the whole account and region, which the last deployment sets: gone with one environment, all others would log no
      // more. So it stays, and costs nothing.
      cloudWatchRole: true,
      cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN,
      deployOptions: {
        stageName: name,
        throttlingRateLimit: limits.stage,
        throttlingBurstLimit: limits.stage * 2,
        // Metrics of each path are paid for one by one, and alarms look at those of the API.
        metricsEnabled: false,
        // A trace holds the address that was called, and that of STOW-RS names a study.
        tracingEnabled: false,
        // It would write to a group that API Gateway makes, without our key and kept for ever. The access log is enough.
        loggingLevel: MethodLoggingLevel.OFF,
        dataTraceEnabled: false,
        accessLogDestination: new LogGroupLogDestination(logs.group('access')),
        accessLogFormat: accessLog,
      },
    });
    const identity = new Identity(this, 'Identity', { environment, machines, log: logs.group('identity') });
    new Methods(this, 'Methods', { api: this.api, network, balancer, identity });
    answers(this.api);

    const plan = this.api.addUsagePlan('Plan', {
      name: `alara-${name}`,
      description: 'Keys of callers: the value is a key of the service, made with alara keys create',
      throttle: { rateLimit: limits.key, burstLimit: limits.key * 2 },
      quota: { limit: limits.keyMonth, period: Period.MONTH },
    });
    plan.addApiStage({ stage: this.api.deploymentStage });
    new Firewall(this, 'Firewall', {
      environment,
      stageArn: this.api.deploymentStage.stageArn,
      log: logs.group('firewall'),
    });
    this.reasons(environment);
  }

  private reasons({ identity }: Environment): void {
    if (identity.kind === 'oidc')
      acknowledge(
        this.api,
        'Callers have tokens of an issuer that is there already; a Lambda authorizer checks them for every method.',
        'AwsSolutions-COG4',
      );
    acknowledge(
      this.api,
      'Requests are checked by the service, from the schemas that its OpenAPI document comes from.',
      'AwsSolutions-APIG2',
    );
    acknowledge(
      this.api,
      'A trace holds the address of the request, and that of STOW-RS names a study. The access log times each call.',
      'HIPAA.Security-APIGWXrayEnabled',
    );
    acknowledge(
      this.api,
      'API Gateway would write it to a group of its own making, under no key of ours and kept for ever. The access log says how each call went.',
      ...['AwsSolutions-APIG6', 'HIPAA.Security-APIGWExecutionLoggingEnabled'],
    );
    acknowledge(
      this.api,
      'Answers are about patients: none is kept between callers.',
      'HIPAA.Security-APIGWCacheEnabledAndEncrypted',
    );
    acknowledge(
      this.api,
      'The load balancer accepts connections from the group of the VPC link alone; it could not check a client certificate of API Gateway.',
      'HIPAA.Security-APIGWSSLEnabled',
    );
    acknowledge(
      this.api,
      'The policy that API Gateway needs to write logs, one for the account.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
    );
  }
}

/** Who asked when, and how it went. No path: that of STOW-RS names a study. */
const accessLog = AccessLogFormat.custom(
  JSON.stringify({
    time: AccessLogField.contextRequestTime(),
    requestId: AccessLogField.contextRequestId(),
    method: AccessLogField.contextHttpMethod(),
    status: AccessLogField.contextStatus(),
    keyId: AccessLogField.contextIdentityApiKeyId(),
    address: AccessLogField.contextIdentitySourceIp(),
    bytes: AccessLogField.contextResponseLength(),
    latencyMs: AccessLogField.contextResponseLatency(),
    integrationMs: AccessLogField.contextIntegrationLatency(),
    firewall: AccessLogField.contextWafResponseCode(),
  }),
);
