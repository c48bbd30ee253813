import { ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import { openBucket } from '../../platform/aws/bucket.ts';
import { openDynamo, openS3, openSqs } from '../../platform/aws/client.ts';
import { type AwsSettings, ConfigError } from '../../platform/config.ts';
import { createVault, type Vault } from '../../platform/vault.ts';
import { enqueueInSteps } from '../jobs.ts';
import type { Platform } from '../platform.ts';
import { awsAccess } from './access.ts';
import { awsBlobs } from './blobs.ts';
import { awsJobs } from './jobs.ts';
import { openPacker } from './overflow.ts';
import { awsCursors, awsFilmOutcomes } from './pacs-state.ts';
import { awsQueue } from './queue.ts';
import { awsReadings } from './readings.ts';
import { openTable, type Table } from './table.ts';

/**
 * Open the platform on DynamoDB, SQS and S3, shared by any number of processes. Throws ConfigError where the table does
 * not exist, or where its data is encrypted with another key.
 */
export async function openAws(settings: AwsSettings, retentionMs: number): Promise<Platform> {
  const { awsEnvironment } = settings;
  const [dynamo, sqs, s3] = [openDynamo(awsEnvironment), openSqs(awsEnvironment), openS3(awsEnvironment, 'serve')];
  const closing = new AbortController();
  const close = () => {
    for (const client of [dynamo, sqs, s3]) client.destroy();
  };
  const table = openTable(dynamo, settings.table);
  const vault = await openVault(table, settings.key).catch((error) => {
    close();
    if (!(error instanceof ResourceNotFoundException)) throw error;
    throw new ConfigError(`ALARA_TABLE=${settings.table}: the table does not exist in ${awsEnvironment.region}.`);
  });
  const bucket = openBucket(s3, settings.bucket);
  const packer = openPacker(vault, bucket, table);
  const queue = awsQueue(sqs, settings.queueUrl, closing.signal);
  const jobs = awsJobs(table, packer, retentionMs);
  return {
    readings: awsReadings(table, packer),
    jobs,
    queue,
    enqueue: enqueueInSteps({ jobs, queue }),
    blobs: awsBlobs(bucket, vault),
    filmOutcomes: awsFilmOutcomes(table, packer),
    access: awsAccess(table, packer),
    cursors: awsCursors(table),
    // Each request reports an outage of AWS. Nothing on AWS can be full or removed.
    trouble: async () => undefined,
    async close() {
      closing.abort();
      await queue.idle();
      close();
    },
  };
}

const checkKey = { pk: 'vault', sk: 'check' };
const context = 'key check';

/**
 * The vault with the configured key. Throws ConfigError where the data of the table is encrypted with another key. With two
 * keys, neither key could decrypt all patient data and films.
 */
async function openVault(table: Table, key: Uint8Array): Promise<Vault> {
  const vault = createVault(key);
  await table.create(checkKey, { sealed: vault.seal(new Uint8Array(), context) });
  const sealed = (await table.get(checkKey))?.['sealed'];
  try {
    if (!(sealed instanceof Uint8Array)) throw new Error('the key check is missing');
    vault.open(sealed, context);
  } catch {
    throw new ConfigError('ALARA_KEY is not the key that encrypted this table. Restore the right key.');
  }
  return vault;
}
