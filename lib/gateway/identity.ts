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
import type { Machines } from '../data/machine-clients.ts';
import type { Environment } from '../environments.ts';
import { acknowledge } from '../nag.ts';

export type IdentityProps = {
  readonly environment: Environment;
  readonly log: LogGroup;
  readonly machines: Machines | undefined;
};

/** Not Authorization: the service behind reads its own keys there, and would refuse a token that it did not make. */
export const tokenHeader = 'X-Access-Token';

/** Who may call at all: clients of our pool, or of an issuer that is there already. */
export class Identity extends Construct {
  /** What a method asks of its callers. */
  readonly method: Required<Pick<MethodOptions, 'authorizer' | 'authorizationType'>> & MethodOptions;

  constructor(scope: Construct, id: string, { environment, log, machines }: IdentityProps) {
    super(scope, id);
    const { identity } = environment;
    if (identity.kind === 'oidc') {
      const authorizer = this.issuer(identity.issuer, identity.audience, log);
      this.method = { authorizer, authorizationType: AuthorizationType.CUSTOM };
    } else {
      if (machines === undefined) throw new Error('the data stack has no pool of machine clients');
      const authorizer = new CognitoUserPoolsAuthorizer(this, 'Tokens', {
        cognitoUserPools: [machines.pool],
        identitySource: IdentitySource.header(tokenHeader),
      });
      // With a scope it takes access tokens; without one it would take ID tokens, which machines do not have.
      const authorizationScopes = [machines.scope];
      this.method = { authorizer, authorizationType: AuthorizationType.COGNITO, authorizationScopes };
    }
  }

  /** A Lambda function, since API Gateway checks tokens of Cognito alone by itself. */
  private issuer(issuer: string, audience: string, log: LogGroup): Authorizer {
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
      'It holds no data and asks the public keys of an issuer on the internet: a VPC would only add a NAT gateway. It is called while a caller waits, so there is no event that could be kept.',
      ...['HIPAA.Security-LambdaInsideVPC', 'HIPAA.Security-LambdaDLQ'],
    );
    acknowledge(
      handler,
      'An account may have ten in all at first, of which Lambda lets nobody reserve any. It runs once for a token in five minutes, and callers are limited before it.',
      'HIPAA.Security-LambdaConcurrency',
    );
    const identitySource = IdentitySource.header(tokenHeader);
    return new TokenAuthorizer(this, 'Issuer', { handler, identitySource, resultsCacheTtl: Duration.minutes(5) });
  }
}
