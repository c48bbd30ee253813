import { Aws, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type CfnUserPool, Mfa, OAuthScope, ResourceServerScope, UserPool } from 'aws-cdk-lib/aws-cognito';
import { Construct } from 'constructs';
import type { Environment } from '../environments.ts';
import { acknowledge } from '../nag.ts';

export type MachineClientsProps = { readonly environment: Environment };

/** The Cognito pool of machine clients, which get tokens by client credentials. Retained, because callers store the secrets. */
export class MachineClients extends Construct {
  readonly pool: UserPool;
  /** The scope that a token must contain. */
  readonly scope = 'alara/call';

  constructor(scope: Construct, id: string, { environment: { name, keepData } }: MachineClientsProps) {
    super(scope, id);
    this.pool = new UserPool(this, 'Pool', {
      userPoolName: `alara-${name}`,
      selfSignUpEnabled: false,
      mfa: Mfa.REQUIRED,
      mfaSecondFactor: { sms: false, otp: true },
      passwordPolicy: {
        minLength: 16,
        requireDigits: true,
        requireLowercase: true,
        requireSymbols: true,
        requireUppercase: true,
      },
      deletionProtection: keepData,
      removalPolicy: keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    const call = new ResourceServerScope({ scopeName: 'call', scopeDescription: 'Call the service' });
    const server = this.pool.addResourceServer('Service', { identifier: 'alara', scopes: [call] });
    this.pool.addDomain('Tokens', { cognitoDomain: { domainPrefix: `alara-${name}-${Aws.ACCOUNT_ID}` } });
    this.pool.addClient('First', {
      userPoolClientName: `alara-${name}-first`,
      generateSecret: true,
      authFlows: {},
      oAuth: { flows: { clientCredentials: true }, scopes: [OAuthScope.resourceServer(server, call)] },
      accessTokenValidity: Duration.hours(1),
      enableTokenRevocation: true,
    });
    acknowledge(
      this.pool.node.defaultChild as CfnUserPool,
      'The pool has machine clients only. There is no user sign-in to protect.',
      'AwsSolutions-COG8',
    );
  }
}
