/** The settings of AWS in a container's environment. */
export type AwsEnvironment = {
  readonly region: string | undefined;
  /** Endpoints that replace those of AWS. */
  readonly endpoints: { readonly s3?: string; readonly sqs?: string; readonly dynamodb?: string };
  /** The endpoint with the credentials of the task's role. */
  readonly role: {
    readonly relativeUri?: string;
    readonly fullUri?: string;
    readonly token?: string;
    readonly tokenFile?: string;
  };
};

/** Read the only variables of AWS that are used. Keys, profiles and the role of the instance are not among them. */
export function readAwsEnvironment(environment: Readonly<Record<string, string | undefined>>): AwsEnvironment {
  const { AWS_REGION, AWS_ENDPOINT_URL_S3: s3, AWS_ENDPOINT_URL_SQS: sqs } = environment;
  const { AWS_ENDPOINT_URL_DYNAMODB: dynamodb, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relativeUri } = environment;
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: fullUri, AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = environment;
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile } = environment;
  return {
    region: AWS_REGION,
    endpoints: { ...(s3 && { s3 }), ...(sqs && { sqs }), ...(dynamodb && { dynamodb }) },
    role: {
      ...(relativeUri && { relativeUri }),
      // The SDK prefers the relative URI too, and would warn about the second.
      ...(fullUri && !relativeUri && { fullUri }),
      ...(token && !tokenFile && { token }),
      ...(tokenFile && { tokenFile }),
    },
  };
}
