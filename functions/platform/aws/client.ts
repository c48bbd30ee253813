import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { fromHttp } from '@aws-sdk/credential-provider-http';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { ConfigError } from '../config.ts';
import { createBreaker } from './circuit-breaker.ts';
import { type AwsEnvironment, readAwsEnvironment } from './environment.ts';
import { asOutage } from './errors.ts';

/** The retries, timeouts and connections of a client. */
type ClientLimits = {
  /** Tries, the first one included. The SDK pauses between them, exponentially and with jitter, and longer when throttled. */
  readonly attempts: number;
  /** Timeouts of the connection, of the head of an answer, and between two pieces of an answer. */
  readonly connectMs: number;
  readonly answerMs: number;
  readonly idleMs: number;
  readonly sockets: number;
  /** How long requests fail at once after the store did not answer. Undefined: no circuit breaker. */
  readonly pauseMs?: number;
};

/** Who uses S3: an operator over any line, or a service near S3 whose callers wait. */
export type Use = 'publish' | 'serve';

const s3Limits: Record<Use, ClientLimits> = {
  /**
   * From a desk, a model of 12 MB takes 40 s over a line of 300 kB/s, and four uploads share it. So the total time is not
   * limited, and a line counts as dead if nothing moves for two minutes. A shorter limit would fail, because up to 4 MB in
   * the kernel's buffer are sent without any visible progress.
   */
  publish: { attempts: 4, connectMs: 10_000, answerMs: 3_600_000, idleMs: 120_000, sockets: 16 },
  /** API Gateway ends a request after 29 s. Three tries without an answer, and an answer that stops, take 20 s. */
  serve: { attempts: 3, connectMs: 1500, answerMs: 5000, idleMs: 5000, sockets: 64, pauseMs: 2000 },
};
/** A long poll is answered up to a second late by design. */
const sqsLimits: ClientLimits = { attempts: 4, connectMs: 2000, answerMs: 8000, idleMs: 10_000, sockets: 32 };
/** DynamoDB usually answers within 10 ms, and exceeded capacity returns within seconds. All tries take 16 s at most. */
const tableLimits: ClientLimits = { attempts: 6, connectMs: 1500, answerMs: 2000, idleMs: 4000, sockets: 64 };

export const openS3 = (
  awsEnvironment: AwsEnvironment = readAwsEnvironment(process.env),
  use: Use = 'publish',
): S3Client =>
  withOutages(
    new S3Client({
      ...common(awsEnvironment, s3Limits[use]),
      ...located(awsEnvironment.endpoints.s3),
      // Servers other than AWS do not resolve the names of buckets as hosts.
      forcePathStyle: awsEnvironment.endpoints.s3 !== undefined,
      // A presigned URL would contain the checksum of an empty body. This service verifies what it encrypts or names by digest.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      expectContinueHeader: false,
      useArnRegion: false,
      disableMultiregionAccessPoints: true,
      disableS3ExpressSessionAuth: true,
    }),
    s3Limits[use].pauseMs,
  );

export const openSqs = (awsEnvironment: AwsEnvironment = readAwsEnvironment(process.env)): SQSClient =>
  withOutages(
    new SQSClient({
      ...common(awsEnvironment, sqsLimits),
      ...located(awsEnvironment.endpoints.sqs),
      // The URL of a queue contains a host, which is wrong behind a private endpoint.
      useQueueUrlAsEndpoint: awsEnvironment.endpoints.sqs === undefined,
    }),
  );

export const openDynamo = (awsEnvironment: AwsEnvironment = readAwsEnvironment(process.env)): DynamoDBClient =>
  withOutages(
    new DynamoDBClient({
      ...common(awsEnvironment, tableLimits),
      ...located(awsEnvironment.endpoints.dynamodb),
      accountIdEndpointMode: 'disabled',
      endpointDiscoveryEnabled: false,
    }),
  );

const located = (endpoint: string | undefined) => (endpoint === undefined ? {} : { endpoint });

/** The SDK would read every option that is not set here from the environment and from ~/.aws/config. */
function common({ region, role }: AwsEnvironment, limits: ClientLimits) {
  if (region === undefined) throw new ConfigError('AWS_REGION is not set: name the region of the table and buckets.');
  if (role.relativeUri === undefined && role.fullUri === undefined)
    throw new ConfigError(
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set: credentials come from the task's role and from nowhere else. Run as a task of ECS with a role, or beside an agent that serves one.",
    );
  const { attempts, connectMs, answerMs, idleMs, sockets } = limits;
  const agent = { keepAlive: true, maxSockets: sockets };
  return {
    region,
    // The client caches them and renews them five minutes before they expire.
    credentials: fromHttp({
      ...(role.relativeUri !== undefined && { awsContainerCredentialsRelativeUri: role.relativeUri }),
      ...(role.fullUri !== undefined && { awsContainerCredentialsFullUri: role.fullUri }),
      ...(role.token !== undefined && { awsContainerAuthorizationToken: role.token }),
      ...(role.tokenFile !== undefined && { awsContainerAuthorizationTokenFile: role.tokenFile }),
      timeout: 2000,
      maxRetries: 3,
    }),
    maxAttempts: attempts,
    retryMode: 'standard',
    requestHandler: new NodeHttpHandler({
      connectionTimeout: connectMs,
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
      socketTimeout: idleMs,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent(agent),
    }),
    defaultsMode: 'standard',
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    userAgentAppId: 'alara',
  } as const;
}

/** Make a client throw StoreUnavailable for an outage, and add the circuit breaker. */
function withOutages<Client extends S3Client | SQSClient | DynamoDBClient>(client: Client, pauseMs?: number): Client {
  const guard = pauseMs === undefined ? <Value>(work: () => Promise<Value>) => work() : createBreaker(pauseMs);
  const stack: S3Client['middlewareStack'] = client.middlewareStack as S3Client['middlewareStack'];
  stack.add(
    (next) => (args) =>
      guard(() =>
        next(args).catch((error: unknown) => {
          throw asOutage(error);
        }),
      ),
    { step: 'initialize', priority: 'high', name: 'alaraOutage' },
  );
  return client;
}
