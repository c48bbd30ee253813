import { fileURLToPath } from 'node:url';
import { Duration } from 'aws-cdk-lib';
import {
  AuthorizationType,
  type Authorizer,
  CognitoUserPoolsAuthorizer,
  IdentitySource,
  type MethodOptions,
  TokenAuthorizer,
} from 'aws-cdk-lib/aws-apigateway';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { MachineClients } from '../data/machine-clients.ts';
import type { Environment } from '../environments.ts';
import { acknowledge } from '../nag.ts';

export type IdentityProps = {
  readonly environment: Environment;
  readonly log: LogGroup;
  readonly machineClients: MachineClients | undefined;
};

/** Not `Authorization`: the service expects its own API keys there and would reject a foreign token. */
const tokenHeader = 'X-Access-Token';

/** The token check: machine clients of the Cognito pool, or clients of an external OpenID Connect issuer. */
export class Identity extends Construct {
  /** The authorization options of a method that needs a token. */
  readonly methodOptions: MethodOptions;

  constructor(scope: Construct, id: string, { environment, log, machineClients }: IdentityProps) {
    super(scope, id);
    const { identity } = environment;
    if (identity.kind === 'oidc') {
      const authorizer = this.lambdaAuthorizer(identity.issuer, identity.audience, log);
      this.methodOptions = { authorizer, authorizationType: AuthorizationType.CUSTOM };
    } else {
      if (machineClients === undefined) throw new Error('The data stack has no pool of machine clients.');
      const authorizer = new CognitoUserPoolsAuthorizer(this, 'Tokens', {
        cognitoUserPools: [machineClients.pool],
        identitySource: IdentitySource.header(tokenHeader),
      });
      // With a scope, API Gateway accepts access tokens. Without one it expects ID tokens, which machine clients do not have.
      const authorizationScopes = [machineClients.scope];
      this.methodOptions = { authorizer, authorizationType: AuthorizationType.COGNITO, authorizationScopes };
    }
  }

  /** A Lambda authorizer, because API Gateway itself can check only the tokens of Cognito. */
  private lambdaAuthorizer(issuer: string, audience: string, log: LogGroup): Authorizer {
    const role = new Role(this, 'CheckRole', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    log.grantWrite(role);
    const handler = new NodejsFunction(this, 'Check', {
      entry: fileURLToPath(new URL('authorizer/handler.ts', import.meta.url)),
      runtime: Runtime.NODEJS_24_X,
      role,
      logGroup: log,
      timeout: Duration.seconds(5),
      environment: { ISSUER: issuer, AUDIENCE: audience },
      bundling: { format: OutputFormat.ESM, target: 'node24', minify: false, sourceMap: false },
    });
    acknowledge(
      handler,
      'The function has no data and downloads the public keys of an issuer from the internet, so a VPC would only add a NAT gateway. API Gateway invokes it synchronously, so there is no event for a dead-letter queue.',
      'HIPAA.Security-LambdaInsideVPC',
      'HIPAA.Security-LambdaDLQ',
    );
    acknowledge(
      handler,
      'A new account may have a quota of ten concurrent executions, and Lambda allows no reservation below that. The function runs once per token in five minutes, and the firewall limits callers before it.',
      'HIPAA.Security-LambdaConcurrency',
    );
    const identitySource = IdentitySource.header(tokenHeader);
    return new TokenAuthorizer(this, 'Issuer', { handler, identitySource, resultsCacheTtl: Duration.minutes(5) });
  }
}
