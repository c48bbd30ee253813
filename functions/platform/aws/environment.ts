/** What the environment of a container says of AWS, in the names that AWS gives them. */
export type Surroundings = {
  readonly region: string | undefined;
  /** Where the services are, if not where AWS has them. */
  readonly endpoints: { readonly s3?: string; readonly sqs?: string; readonly dynamodb?: string };
  /** The endpoint that gives the credentials of the task's role. */
  readonly role: {
    readonly relativeUri?: string;
    readonly fullUri?: string;
    readonly token?: string;
    readonly tokenFile?: string;
  };
};

/** The only variables of AWS that are read: keys, profiles and the instance's own role are not among them. */
export function readSurroundings(environment: Readonly<Record<string, string | undefined>>): Surroundings {
  const { AWS_REGION, AWS_ENDPOINT_URL_S3: s3, AWS_ENDPOINT_URL_SQS: sqs } = environment;
  const { AWS_ENDPOINT_URL_DYNAMODB: dynamodb, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relativeUri } = environment;
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: fullUri, AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = environment;
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile } = environment;
  return {
    region: AWS_REGION,
    endpoints: { ...(s3 && { s3 }), ...(sqs && { sqs }), ...(dynamodb && { dynamodb }) },
    role: {
      ...(relativeUri && { relativeUri }),
      // The SDK prefers the first as well; it would also warn of the second.
      ...(fullUri && !relativeUri && { fullUri }),
      ...(token && !tokenFile && { token }),
      ...(tokenFile && { tokenFile }),
    },
  };
}
