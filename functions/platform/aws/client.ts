import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { fromHttp } from '@aws-sdk/credential-provider-http';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { ConfigError } from '../config.ts';
import { asOutage } from './outage.ts';
import { readSurroundings, type Surroundings } from './surroundings.ts';

/** How long a client tries, and with how much at once. */
type Patience = {
  /** Tries, the first one included. Between two the SDK waits, exponentially and with jitter, longer when throttled. */
  readonly attempts: number;
  /** For the connection; for the head of an answer; between two pieces of one. */
  readonly connectMs: number;
  readonly answerMs: number;
  readonly idleMs: number;
  readonly sockets: number;
};

/** A film takes its time: a part of 8 MB at 1 MB/s. */
const s3Patience: Patience = { attempts: 4, connectMs: 2000, answerMs: 30_000, idleMs: 10_000, sockets: 64 };
/** An answer to a long poll comes a second late, on purpose. */
const sqsPatience: Patience = { attempts: 4, connectMs: 2000, answerMs: 8000, idleMs: 10_000, sockets: 32 };
/** Answers within 10 ms as a rule; capacity that is exceeded comes back within seconds. */
const tablePatience: Patience = { attempts: 7, connectMs: 2000, answerMs: 4000, idleMs: 6000, sockets: 64 };

export const openS3 = (surroundings: Surroundings = readSurroundings(process.env)): S3Client =>
  telling(
    new S3Client({
      ...common(surroundings, s3Patience),
      ...located(surroundings.endpoints.s3),
      // Names of buckets are no names of hosts where S3 is not AWS's own.
      forcePathStyle: surroundings.endpoints.s3 !== undefined,
      // A presigned address would hold the checksum of nothing; what we seal or name by digest is checked by ourselves.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      expectContinueHeader: false,
      ...{ useArnRegion: false, disableMultiregionAccessPoints: true, disableS3ExpressSessionAuth: true },
    }),
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

/** The same client, whose outages are told from its refusals. */
function telling<Client extends S3Client | SQSClient | DynamoDBClient>(client: Client): Client {
  const stack: S3Client['middlewareStack'] = client.middlewareStack as S3Client['middlewareStack'];
  stack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        throw asOutage(error);
      }
    },
    { step: 'initialize', priority: 'high', name: 'alaraOutage' },
  );
  return client;
}
