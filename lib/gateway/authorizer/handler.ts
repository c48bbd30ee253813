import { publishedKeys } from './keys.ts';
import { subjectOf } from './verify.ts';

// Runs in AWS Lambda for API Gateway, where the issuer is not Cognito.
const { ISSUER: issuer = '', AUDIENCE: audience = '' } = process.env;
const keysOf = publishedKeys(issuer);

type Asked = { readonly authorizationToken: string; readonly methodArn: string };

/** The policy for a token: the whole stage, since API Gateway remembers it for the token and not for the path. */
export async function handler({ authorizationToken, methodArn }: Asked) {
  const token = authorizationToken.replace(/^bearer +/i, '');
  const now = new Date();
  const keys = await keysOf(kidOf(token), now);
  const subject = subjectOf(token, keys, { issuer, audience, now });
  // API Gateway answers 401 to this word and to no other.
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

function kidOf(token: string): string | undefined {
  try {
    const head: unknown = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
    return typeof head === 'object' && head !== null && 'kid' in head ? String(head.kid) : undefined;
  } catch {
    return undefined;
  }
}
