import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { fromHttp } from '@aws-sdk/credential-provider-http';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { ConfigError } from '../config.ts';
import { createBreaker } from './circuit-breaker.ts';
import { readSurroundings, type Surroundings } from './environment.ts';
import { asOutage } from './errors.ts';

/** How long a client tries, and with how much at once. */
type Patience = {
  /** Tries, the first one included. Between two the SDK waits, exponentially and with jitter, longer when throttled. */
  readonly attempts: number;
  /** For the connection; for the head of an answer; between two pieces of one. */
  readonly connectMs: number;
  readonly answerMs: number;
  readonly idleMs: number;
  readonly sockets: number;
  /** How long a store that did not answer is not asked again; without it, it is asked each time. */
  readonly pauseMs?: number;
};

/** What S3 is used for: by an operator, over any line; or by a service near it, where callers wait. */
export type Use = 'publish' | 'serve';

const s3Patience: Record<Use, Patience> = {
  /**
   * From a desk: a model of 12 MB takes 40 s over a line of 300 kB/s, and four share it. How long all of it takes says
   * nothing; a line that moves nothing for two minutes is dead. Less would not do: what the kernel has taken, 4 MB at the
   * most, is on its way without a sign.
   */
  publish: { attempts: 4, connectMs: 10_000, answerMs: 3_600_000, idleMs: 120_000, sockets: 16 },
  /** API Gateway ends a request after 29 s. Three tries that are not answered, and an answer that stops, take 20 s. */
  serve: { attempts: 3, connectMs: 1500, answerMs: 5000, idleMs: 5000, sockets: 64, pauseMs: 2000 },
};
/** An answer to a long poll comes a second late, on purpose. */
const sqsPatience: Patience = { attempts: 4, connectMs: 2000, answerMs: 8000, idleMs: 10_000, sockets: 32 };
/** Answers within 10 ms as a rule; capacity that is exceeded comes back within seconds. At most 16 s, however it fails. */
const tablePatience: Patience = { attempts: 6, connectMs: 1500, answerMs: 2000, idleMs: 4000, sockets: 64 };

export const openS3 = (surroundings: Surroundings = readSurroundings(process.env), use: Use = 'publish'): S3Client =>
  telling(
    new S3Client({
      ...common(surroundings, s3Patience[use]),
      ...located(surroundings.endpoints.s3),
      // Names of buckets are no names of hosts where S3 is not AWS's own.
      forcePathStyle: surroundings.endpoints.s3 !== undefined,
      // A presigned address would hold the checksum of nothing; what we seal or name by digest is checked by ourselves.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      expectContinueHeader: false,
      ...{ useArnRegion: false, disableMultiregionAccessPoints: true, disableS3ExpressSessionAuth: true },
    }),
    s3Patience[use].pauseMs,
  );

export const openSqs = (surroundings: Surroundings = readSurroundings(process.env)): SQSClient =>
  telling(
    new SQSClient({
      ...common(surroundings, sqsPatience),
      ...located(surroundings.endpoints.sqs),
      // The address of a queue names its host as well, which is another behind a private endpoint.
      useQueueUrlAsEndpoint: surroundings.endpoints.sqs === undefined,
    }),
  );

export const openDynamo = (surroundings: Surroundings = readSurroundings(process.env)): DynamoDBClient =>
  telling(
    new DynamoDBClient({
      ...common(surroundings, tablePatience),
      ...located(surroundings.endpoints.dynamodb),
      accountIdEndpointMode: 'disabled',
      endpointDiscoveryEnabled: false,
    }),
  );

const located = (endpoint: string | undefined) => (endpoint === undefined ? {} : { endpoint });

/** What is not set here the SDK looks for in the environment and in ~/.aws/config. */
function common({ region, role }: Surroundings, patience: Patience) {
  if (region === undefined) throw new ConfigError('AWS_REGION is not set: name the region of the table and buckets.');
  if (role.relativeUri === undefined && role.fullUri === undefined)
    throw new ConfigError(
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set: credentials come from the task's role and from nowhere else. Run as a task of ECS with a role, or beside an agent that serves one.",
    );
  const { attempts, connectMs, answerMs, idleMs, sockets } = patience;
  const agent = { keepAlive: true, maxSockets: sockets };
  return {
    region,
    // Kept and renewed by the client, five minutes before they expire.
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
    ...{ useDualstackEndpoint: false, useFipsEndpoint: false },
    userAgentAppId: 'alara',
  } as const;
}

/** The same client, whose outages are told from its refusals, and which pauses after one. */
function telling<Client extends S3Client | SQSClient | DynamoDBClient>(client: Client, pauseMs?: number): Client {
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
