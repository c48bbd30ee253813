import { type Command, Option } from 'commander';
import { type Job, type JobState, jobStates } from '../../core/job.ts';
import { isReplayable, replay } from '../../jobs/submit.ts';
import type { Platform } from '../../storage/platform.ts';
import { problemOf, problemText, UsageError } from '../errors.ts';
import { help } from '../help.ts';
import { type JsonOption, show as print, withJson } from '../output/json.ts';
import { minute, table } from '../output/table.ts';
import { paragraph } from '../output/wrap.ts';
import { withPlatform } from '../with-platform.ts';

/** `alara jobs`: list jobs, show why they failed, and retry dead jobs. */
export function jobs(program: Command): void {
  const command = program.command('jobs').description('List, show or retry jobs, also while a server runs.');
  help(command, { example: 'alara jobs ls' });
  const list = command
    .command('ls')
    .description('List jobs, newest first. The list contains no patient, study or instance.')
    .addOption(
      new Option('--state <state>', 'only jobs in this state; dead: given up after many tries').choices(jobStates),
    )
    .option('--limit <n>', 'list at most this number of jobs', wholeNumber, 100);
  help(withJson(list), { example: 'alara jobs ls --state dead' }).action(ls);
  const one = command
    .command('show')
    .description('Show one job: its progress, and why it stopped.')
    .argument('<id>', 'the id, as alara jobs ls shows it')
    .option('--details', 'include DICOM UIDs; a UID identifies a study, so keep it out of tickets');
  help(withJson(one), { example: 'alara jobs show job_4f1c' }).action(show);
  const again = command
    .command('retry')
    .description('Queue dead jobs again. The count of tries starts again.')
    .argument('[id]', 'one dead or failed job, if its film is still stored')
    .option('--all', 'retry every dead job');
  help(withJson(again), { example: 'alara jobs retry --all' }).action(retry);
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`${JSON.stringify(text)} is not a number of jobs. Write for example --limit 20.`);
}

async function ls({ state, limit, json }: JsonOption & { state?: JobState; limit: number }): Promise<void> {
  await withPlatform(async (platform, folder) => {
    const found = (await platform.jobs.list({ ...(state && { state }), limit })).map(summary);
    print(json, found, () =>
      found.length > 0 ? inColumns(found) : `There are no ${state ? `${state} ` : ''}jobs in ${folder}.\n`,
    );
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
      minute(job.updatedAt),
      job.fault ?? '',
    ]),
  );

async function show(id: string, { details, json }: JsonOption & { details?: true }): Promise<void> {
  const job = known(id, await withPlatform(({ jobs }) => jobs.get(id)));
  const { input, outcomes } = job;
  // A UID identifies the study, and so the patient, in the archive. Operators copy this output into tickets and logs, so UIDs are
  // shown only on request.
  const asked = details && { input, outcomes };
  print(json, { ...inJson(job), ...asked }, () => inText(job) + (asked ? `\n${JSON.stringify(asked, null, 2)}\n` : ''));
}

/** A job with its fault and its outcomes, without UIDs. */
const inJson = (job: Job) => ({
  ...summary(job),
  ...('pacs' in job.input && { pacs: job.input.pacs }),
  ...(job.fault && { fault: problemOf(job.fault) }),
  outcomes: job.outcomes.map(({ reading, refused, stored }) => ({
    ...(reading !== undefined && { reading }),
    ...(refused && { refused: refused.code }),
    ...(stored && { objectsStored: stored.length }),
  })),
});

function inText(job: Job): string {
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
    ...(fault && { fault: `${fault.code}: ${problemText(problemOf(fault))}` }),
  };
  const came = outcomes.map(({ reading, refused, stored }) =>
    [reading, refused && `refused: ${refused.code}`, stored && `${stored.length} objects stored`]
      .filter(Boolean)
      .join(', '),
  );
  return [...Object.entries(lines), ...came.map((outcome) => ['outcome', outcome] as const)]
    .map(([name, value]) => paragraph(value, ' '.repeat(10), name.padEnd(10)))
    .join('');
}

async function retry(id: string | undefined, { all, json }: JsonOption & { all?: true }): Promise<void> {
  if ((id === undefined) === (all === undefined))
    throw new UsageError('name one job, or add --all for every dead job.');
  await withPlatform(async (platform) => {
    const retried = id === undefined ? await retryAll(platform) : await retryOne(platform, id);
    print(json, retried, () =>
      [
        id === undefined ? `${retried.queued.length} jobs are queued again.\n` : `Job ${id} is queued again.\n`,
        ...retried.withoutFilm.map((each) => `Job ${each} cannot be: its film is no longer kept.\n`),
      ].join(''),
    );
  });
}

/** The ids of the jobs that were queued again, and of those that cannot be. */
type Retried = { readonly queued: readonly string[]; readonly withoutFilm: readonly string[] };

async function retryOne(platform: Platform, id: string): Promise<Retried> {
  const job = known(id, await platform.jobs.get(id));
  if (!(await isReplayable(platform, job)))
    throw new UsageError(`job ${id} cannot be retried: its film is no longer kept. Send the film again.`);
  const { state } = known(id, await replay(platform, id));
  if (state !== 'queued') throw new UsageError(`job ${id} is ${state}; only a dead or failed job can be retried.`);
  return { queued: [id], withoutFilm: [] };
}

async function retryAll(platform: Platform): Promise<Retried> {
  const dead = await platform.jobs.list({ state: 'dead', limit: Number.MAX_SAFE_INTEGER });
  const queued: string[] = [];
  const withoutFilm: string[] = [];
  for (const job of dead)
    if (await isReplayable(platform, job)) {
      await replay(platform, job.id);
      queued.push(job.id);
    } else withoutFilm.push(job.id);
  return { queued, withoutFilm };
}

function known(id: string, job: Job | undefined): Job {
  if (!job) throw new UsageError(`there is no job ${id}. alara jobs ls lists them.`);
  return job;
}
