import { fork } from 'node:child_process';
import { type Command, Option } from 'commander';
import { notice } from '../../core/reading.ts';
import { supervise } from './supervisor.ts';

/** `alara serve`: the HTTP API in a child process that is started again when it crashes. */
export function serve(program: Command): void {
  program
    .command('serve')
    .description('Serve the HTTP API, work on its jobs and follow the PACS: GET /docs describes it.')
    .addOption(new Option('--child').hideHelp())
    .addHelpText(
      'after',
      `
Settings come from the environment:
  PORT                  8080; 0 takes a free one
  HOST                  127.0.0.1; on any other address callers need keys: alara keys create
  ALARA_MODELS          models: the folder of the families and policies/, or s3://bucket/prefix (docs/models.md)
  ALARA_CHANNEL         live; canary serves what is published and not yet promoted
  ALARA_MODEL_CACHE     models in ALARA_DATA: where models from s3:// are kept
  ALARA_MODEL_CACHE_MB  2048: what it may hold beside the models in use
  ALARA_POINTER_SECONDS 30: how often the channel is looked at
  ALARA_FAMILY          chest14
  ALARA_POLICY          the family's own: what is good enough when a request names no policy
  ALARA_AUTH            auto; required asks for keys on loopback too, as is needed behind a proxy
  ALARA_ROLE            all; api answers HTTP only, worker works on jobs only
  ALARA_PLATFORM        embedded: readings and jobs in ALARA_DATA; aws keeps them in ALARA_TABLE (DynamoDB),
                        ALARA_QUEUE_URL (SQS) and ALARA_UPLOADS_BUCKET (S3), sealed with ALARA_KEY (docs/deploy.md)
  ALARA_DATA            .alara: the folder of readings, jobs and waiting films
  ALARA_KEY_FILE        key in ALARA_DATA: what patient data is sealed with
  ALARA_RETENTION_DAYS  30: how long jobs that have ended are kept, and the films of those given up
  ALARA_PACS            none: a JSON file that names the PACS, or its JSON (docs/pacs.md)
  ALARA_DEVICE          cpu or cuda
  ALARA_WORKERS         films read at the same time; one a processor
  ALARA_THREADS         1: threads inside one inference
  ALARA_QUEUE           256: films that may wait
  ALARA_DEADLINE_MS     30000: from acceptance to answer
  ALARA_MEMORY_MB       80 % of the container's or machine's: what the process may hold while films are read
  ALARA_BUFFER_MB       512: films in memory at the same time; jobs take no more than half
  ALARA_MAX_BODY_MB     32: a film that is sent with its request
  ALARA_MAX_UPLOAD_MB   256: an upload, and an instance that comes by STOW-RS
  ALARA_QUOTA_MB        20000: films of one tenant in ALARA_DATA: uploads, and films of jobs that wait
  ALARA_FREE_MB         5 % of the disk of ALARA_DATA, at most 1000: what films leave free on it
  ALARA_LOG             info; silent, error, warn, info or debug, as JSON lines on standard error

Example:
  PORT=9000 ALARA_WORKERS=2 alara serve

SIGTERM or Ctrl-C answers what was accepted, then stops; a second one stops at once.
${notice}`,
    )
    .action(async ({ child }: { child?: true }) => {
      if (child) await (await import('./serve-child.ts')).serveChild();
      else process.exitCode = await supervise(startChild);
    });
}

/** The same program with an internal flag, so that a bundle stays one file. */
const startChild = (environment: NodeJS.ProcessEnv) =>
  fork(process.argv[1] ?? '', ['serve', '--child'], { env: { ...process.env, ...environment }, stdio: 'inherit' });
