import { type Command, Option } from 'commander';
import { type Job, type JobState, jobStates } from '../../core/job.ts';
import { isReplayable, replay } from '../../jobs/submit.ts';
import type { Platform } from '../../storage/platform.ts';
import { inWords, problemOf, UsageError } from '../errors.ts';
import { table } from '../output/table.ts';
import { withPlatform } from '../with-platform.ts';

/** `alara jobs`: list jobs, show why they failed, and retry dead jobs. */
export function jobs(program: Command): void {
  const command = program.command('jobs').description('List, show or retry jobs, also while a server runs.');
  command
    .command('ls')
    .description('List jobs, newest first. The list contains no patient, study or instance.')
    .addOption(new Option('--state <state>', 'only these; dead ones were given up after many tries').choices(jobStates))
    .option('--limit <n>', 'at most this many', wholeNumber, 100)
    .option('--json', 'one JSON object per line')
    .addHelpText('after', '\nExamples:\n  alara jobs ls --state dead\n  alara jobs ls --json | jq .fault')
    .action(ls);
  command
    .command('show')
    .description('Show one job: its progress, and why it stopped.')
    .argument('<id>')
    .option('--details', 'include DICOM UIDs; they identify a study, so keep them out of tickets')
    .addHelpText('after', '\nExample:\n  alara jobs show job_4f1c')
    .action(show);
  command
    .command('retry')
    .description('Queue dead jobs again, with a new count of tries.')
    .argument('[id]', 'one job, dead or failed; its films must still be kept')
    .option('--all', 'every dead job')
    .addHelpText('after', '\nExamples:\n  alara jobs retry job_4f1c\n  alara jobs retry --all')
    .action(retry);
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`${JSON.stringify(text)} is not a number of jobs. Write for example --limit 20.`);
}

async function ls({ state, limit, json }: { state?: JobState; limit: number; json?: true }): Promise<void> {
  await withPlatform(async (platform, folder) => {
    const found = (await platform.jobs.list({ ...(state && { state }), limit })).map(summary);
    if (json) process.stdout.write(found.map((job) => `${JSON.stringify(job)}\n`).join(''));
    else if (found.length === 0) process.stdout.write(`There are no ${state ? `${state} ` : ''}jobs in ${folder}.\n`);
    else process.stdout.write(inColumns(found));
  });
}

/** The part of a job that identifies no study: no UID, and only the code of its fault. */
const summary = ({ id, tenant, input, state, attempts, progress, createdAt, updatedAt, fault }: Job) => ({
  ...{ id, tenant, kind: input.kind, state, attempts, progress, createdAt, updatedAt },
  ...(fault && { fault: fault.code }),
});

const inColumns = (found: readonly ReturnType<typeof summary>[]) =>
  table(
    ['id', 'tenant', 'kind', 'state', 'tries', 'done', 'changed', 'fault'],
    found.map((job) => [
      job.id,
      job.tenant,
      job.kind,
      job.state,
      String(job.attempts),
      `${job.progress.done}/${job.progress.total}`,
      job.updatedAt,
      job.fault ?? '',
    ]),
  );

async function show(id: string, { details }: { details?: true }): Promise<void> {
  const job = known(id, await withPlatform(({ jobs }) => jobs.get(id)));
  const { fault, progress, outcomes, input } = job;
  const lines = {
    job: job.id,
    tenant: job.tenant,
    kind: 'pacs' in input ? `${input.kind}, PACS ${input.pacs}` : input.kind,
    state: job.state,
    tries: String(job.attempts),
    progress: `${progress.done} of ${progress.total}`,
    created: job.createdAt,
    changed: job.updatedAt,
    ...(fault && { fault: `${fault.code}: ${inWords(problemOf(fault))}` }),
  };
  for (const [name, value] of Object.entries(lines)) process.stdout.write(`${name.padEnd(10)}${value}\n`);
  for (const { reading, refused, stored } of outcomes) {
    const came = [reading, refused && `refused: ${refused.code}`, stored && `${stored.length} objects stored`];
    process.stdout.write(`${'outcome'.padEnd(10)}${came.filter(Boolean).join(', ')}\n`);
  }
  // A UID identifies the study, and so the patient, in the archive. Operators copy this output into tickets and logs, so UIDs are
  // shown only on request.
  if (details) process.stdout.write(`\n${JSON.stringify({ input, outcomes }, null, 2)}\n`);
}

async function retry(id: string | undefined, { all }: { all?: true }): Promise<void> {
  if ((id === undefined) === (all === undefined))
    throw new UsageError('name one job, or add --all for every dead job.');
  await withPlatform(async (platform) => {
    if (id !== undefined) await retryOne(platform, id);
    else process.stdout.write(await retryAll(platform));
  });
}

async function retryOne(platform: Platform, id: string): Promise<void> {
  const job = known(id, await platform.jobs.get(id));
  if (!(await isReplayable(platform, job)))
    throw new UsageError(`job ${id} cannot be retried: its film is no longer kept. Send the film again.`);
  const { state } = known(id, await replay(platform, id));
  if (state !== 'queued') throw new UsageError(`job ${id} is ${state}; only a dead or failed job can be retried.`);
  process.stdout.write(`Job ${id} is queued again.\n`);
}

async function retryAll(platform: Platform): Promise<string> {
  const dead = await platform.jobs.list({ state: 'dead', limit: Number.MAX_SAFE_INTEGER });
  const without: string[] = [];
  for (const job of dead)
    if (await isReplayable(platform, job)) await replay(platform, job.id);
    else without.push(`Job ${job.id} cannot be: its film is no longer kept.\n`);
  return [`${dead.length - without.length} jobs are queued again.\n`, ...without].join('');
}

function known(id: string, job: Job | undefined): Job {
  if (!job) throw new UsageError(`there is no job ${id}. alara jobs ls lists them.`);
  return job;
}
