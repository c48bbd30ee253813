import { publishedKeys } from './keys.ts';
import { keyIdOf, subjectOf } from './verify.ts';

// The Lambda authorizer of API Gateway for an issuer other than Cognito.
const { ISSUER: issuer = '', AUDIENCE: audience = '' } = process.env;
const keysOf = publishedKeys(issuer);

type AuthorizerEvent = { readonly authorizationToken: string; readonly methodArn: string };

/** The policy of a token. It allows the whole stage, because API Gateway caches the policy per token, not per path. */
export async function handler({ authorizationToken, methodArn }: AuthorizerEvent) {
  const token = authorizationToken.replace(/^bearer +/i, '');
  const now = new Date();
  const keys = await keysOf(keyIdOf(token), now);
  const subject = subjectOf(token, keys, { issuer, audience, now });
  // API Gateway answers 401 only to exactly this message.
  if (subject === undefined) throw new Error('Unauthorized');
  const stage = methodArn.split('/').slice(0, 2).join('/');
  return {
    principalId: subject,
    policyDocument: {
      Version: '2012-10-17',
      Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: `${stage}/*` }],
    },
  };
}
