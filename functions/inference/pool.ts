import '../platform/no-telemetry.ts';
import PQueue from 'p-queue';
import { Piscina } from 'piscina';
import { messageOf } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import type { Film } from '../core/film.ts';
import { fail, type Result } from '../core/result.ts';
import { ms } from '../core/units.ts';
import { withoutPaths } from '../core/without-paths.ts';
import type { Inspected } from '../decode/dicom/inspect.ts';
import type { Read } from '../reading/read.ts';
import type { RequestPlan } from '../routing/plan.ts';
import type { ReadRequest } from '../routing/request.ts';
import { createHandshake } from './abort.ts';
import { createTurns } from './fair-queue.ts';
import { createPace } from './latency.ts';
import { usualMemoryBytes, watchMemory } from './memory-guard.ts';
import { createCriticalSection } from './native-lock.ts';
import type { Answer, FilmTask, InspectTask, ReadTask, RenderTask, Task, WorkerSetup } from './task.ts';
import { watchWarmth } from './warm-up.ts';

export type EngineOptions = WorkerSetup & {
  /** Worker threads: films read at the same time. */
  readonly workers: number;
  /**
   * Films that may wait at most. Fewer may wait where more could not be answered within the deadline. A tenant may have its
   * share of these places though other tenants have taken all of them.
   */
  readonly queue: number;
  /** Milliseconds from acceptance to answer. */
  readonly deadlineMs: number;
  /** What the process may hold while films are read; a share of the container's or the machine's memory by default. */
  readonly memoryBytes?: number;
  /** Plans a request. Each film is planned once, here. */
  readonly plan: (request: ReadRequest) => Result<RequestPlan, Fault>;
  /** The module that each thread runs; its `work` takes a task. */
  readonly worker?: string;
} & EngineHooks;

/** What an engine calls when something happens to it. */
export type EngineHooks = {
  /** Receives what a thread threw or why it died. The message may quote the film, so it goes into no log and no answer. */
  readonly failed?: (error: unknown) => void;
  /** Download the models of a plan that are not on this machine. `warm`: whether every thread has its usual variants. */
  readonly ensureModels?: (plan: RequestPlan, warm: boolean) => Promise<Result<null, Fault>>;
  /** Download again the models that a thread lacks, as far as possible. */
  readonly regain?: (fault: Fault) => Promise<void>;
  /** Receives each fault of a reading, and the fault of a start that left the threads cold, before callers do. */
  readonly faulted?: (fault: Fault) => Promise<void>;
};

export type EngineStatus = {
  readonly waiting: number;
  readonly running: number;
  /** Whether every thread has its usual variants, now. */
  readonly warm: boolean;
  /** Why not; null as long as they are loading for the first time. */
  readonly fault: Fault | null;
};

/**
 * Reads films in worker threads, so that the thread which answers HTTP only waits. A thread that decodes can be killed; one
 * that runs a model cannot, and holds its place until it has come to the end.
 */
export type Engine = {
  /** Settles when every worker has started and its usual variants are warm, or why they are not. */
  readonly ready: Promise<Result<null, Fault>>;
  /**
   * Plan the request, download the models of the plan that are missing, and read the film. The call takes the bytes away from
   * the caller. An aborted signal removes a waiting film from the queue. The deadline runs from `accepted`, a time of
   * performance.now(); the default is now. The films of several tenants start in turn.
   */
  read(
    film: Omit<ReadTask, 'kind' | 'plan'>,
    signal?: AbortSignal,
    accepted?: number,
    tenant?: string,
  ): Promise<Result<Read, Fault>>;
  /** The header of a DICOM instance, looked at where a hostile file does no harm. Takes the bytes away. */
  inspect(file: Omit<InspectTask, 'kind'>, signal?: AbortSignal): Promise<Result<Inspected, Fault>>;
  /** A film as it is read, for a picture of it. Takes the bytes away. */
  render(film: Omit<RenderTask, 'kind'>, signal?: AbortSignal): Promise<Result<Film, Fault>>;
  status(): EngineStatus;
  /** Why a film of a tenant would be refused if it came now; undefined while there is room. Asked before a body is read. */
  overload(tenant?: string): Fault | undefined;
  /** Whether a film of any tenant finds a place, so that no `overload` need be asked for a tenant. */
  hasRoom(): boolean;
  /** Refuses what is new, finishes what was accepted, then stops the workers. */
  close(): Promise<void>;
};

export function createEngine(options: EngineOptions): Engine {
  const {
    workers,
    queue: limit,
    deadlineMs,
    memoryBytes = usualMemoryBytes(),
    worker = workerFile(),
    plan,
    failed,
    ensureModels,
    regain,
    faulted,
    ...setup
  } = options;
  const critical = createCriticalSection();
  const pool = new Piscina<Task, Result<Answer[Task['kind']], Fault>>({
    filename: worker,
    name: 'work',
    minThreads: workers,
    maxThreads: workers,
    workerData: { ...setup, section: critical.section },
  });
  // Waiting happens in this queue, where a film can be taken out again; the pool never holds more than it runs.
  const queue = new PQueue({ concurrency: workers });
  const turns = createTurns();
  const pace = createPace();
  const memory = watchMemory(memoryBytes);
  const closing = new AbortController();
  const warmth = watchWarmth(pool, {
    ...(regain && { regain }),
    // Before the films that wait: they may be waiting for this.
    again: () => ready.then(() => everyThread(() => queue.add(warmOne, { priority: 1 }))),
    closing: closing.signal,
  });
  // A worker that dies between two films is replaced by the pool; one that cannot start says why here.
  pool.on('error', (error) => {
    // What is said before the first film can quote none.
    const problem = everWarm ? kind(error) : message(error);
    warmth.failed({ code: 'inference_failed', problem: `a worker stopped: ${problem}` });
    failed?.(error);
    // The pool starts no other after one that could not be started: what waits for it waits in vain.
    if (pool.threads.length === 0) void pool.destroy();
  });
  const warmOne = () => submit<'warm'>({ kind: 'warm' });
  const everyThread = <Value>(work: () => Promise<Value>) => Promise.all(Array.from({ length: workers }, work));
  let started = false;
  let everWarm = false;
  const ready = warm();

  async function warm(): Promise<Result<null, Fault>> {
    const warmed = await everyThread(warmOne);
    started = true;
    const cold = warmed.find((result) => !result.ok);
    everWarm = !cold;
    if (!cold) return { ok: true, value: null };
    warmth.failed(cold.fault);
    await faulted?.(cold.fault);
    return cold;
  }

  async function submit<Kind extends Task['kind']>(
    task: Extract<Task, { kind: Kind }>,
    signal?: AbortSignal,
  ): Promise<Result<Answer[Kind], Fault>> {
    const dead = pool.threads.length === 0 && warmth.fault();
    if (dead) return fail(dead);
    try {
      const transferList = 'bytes' in task ? [task.bytes.buffer] : [];
      const answer = await pool.run(task, { transferList, ...(signal && { signal }) });
      return answer as Result<Answer[Kind], Fault>;
    } catch (error) {
      if (signal?.aborted) return fail(late());
      failed?.(error);
      const said = task.kind === 'warm' ? message(error) : kind(error);
      return fail<Fault>({ code: 'inference_failed', problem: `the worker stopped: ${said}` });
    }
  }

  /**
   * How many films may wait: as many as are read in half of the deadline at the latest rate. The other half is for films that take
   * longer than those before them, so that what was accepted is answered in time.
   */
  const depth = () =>
    pace.usualMs() === 0 ? limit : Math.min(limit, Math.floor((workers * deadlineMs) / 2 / pace.typicalMs()));
  const hasRoom = () => queue.pending < workers || queue.size < depth();
  const isFull = (tenant: string) => !hasRoom() && turns.hasShare(tenant, depth());
  // An answer at the deadline itself would arrive after it.
  const answerMs = deadlineMs - Math.min(250, deadlineMs / 20);
  const late = (): Fault => ({ code: 'deadline_exceeded', deadlineMs: ms(deadlineMs) });
  const busy = (): Fault => ({
    code: 'queue_full',
    retryAfterMs: ms(Math.ceil(((queue.size + 1) * pace.typicalMs()) / workers)),
  });

  /** Wait for a worker, within the deadline and as long as the caller does. */
  async function enqueue<Kind extends FilmTask['kind']>(
    task: Extract<FilmTask, { kind: Kind }>,
    signal?: AbortSignal,
    accepted = performance.now(),
    tenant = '',
  ): Promise<Result<Answer[Kind], Fault>> {
    if (closing.signal.aborted) return fail({ code: 'shutting_down', retryAfterMs: ms(1000) });
    if (signal?.aborted) return fail({ code: 'client_gone' });
    // Its whole time has passed, for example while a model was downloaded.
    if (performance.now() >= accepted + answerMs) return fail(busy());
    const waits = queue.pending >= workers;
    if (task.kind === 'read' ? isFull(tenant) : waits && queue.size >= limit) return fail(busy());
    const { handshake, signal: killed, end, kill } = createHandshake();
    const due = accepted + answerMs;
    const waiting = new AbortController();
    const left = Promise.withResolvers<Result<never, Fault>>();
    let begunAt: number | undefined;
    const turn = turns.next(tenant);

    /** The caller is answered now. A film that waits leaves the queue; one that is read keeps its place to its end. */
    const leave = (fault: Fault) => {
      if (begunAt === undefined) waiting.abort();
      left.resolve(fail(fault));
    };
    const overdue = setTimeout(() => {
      if (begunAt !== undefined) kill();
      // One that waited for most of the time says that the engine is busy, not that the film is slow.
      const ownMs = performance.now() - (begunAt ?? Number.POSITIVE_INFINITY);
      leave(ownMs > deadlineMs / 2 ? late() : busy());
    }, due - performance.now());
    const starve = () => {
      if (!end()) return false;
      leave({ code: 'memory_exceeded', limitBytes: memoryBytes });
      return true;
    };
    const gone = () => leave({ code: 'client_gone' });
    signal?.addEventListener('abort', gone);

    const run = async (): Promise<Result<Answer[Kind], Fault>> => {
      turn.leave('begun');
      // As long as films take of late, it would come too late, and hold up those behind it.
      if (waits && task.kind === 'read' && due - performance.now() < pace.usualMs()) return fail(busy());
      begunAt = performance.now();
      const read = () => submit<Kind>({ ...task, handshake } as Extract<Task, { kind: Kind }>, killed);
      return memory.during(starve, () => (task.kind === 'read' ? pace.time(read) : read()));
    };
    const answered = queue.add(run, { signal: waiting.signal, priority: turn.priority }).finally(() => {
      turn.leave('given up');
      clearTimeout(overdue);
      signal?.removeEventListener('abort', gone);
    });
    return Promise.race([
      left.promise,
      answered.catch((error) => (waiting.signal.aborted ? left.promise : Promise.reject(error))),
    ]);
  }

  const status = (): EngineStatus => {
    const fault = warmth.fault();
    return { waiting: queue.size, running: queue.pending, warm: started && !fault, fault };
  };

  return {
    ready,
    async read(film, signal, accepted = performance.now(), tenant = '') {
      const planned = plan(film.request);
      if (!planned.ok) return planned;
      // Without `ensureModels` the film is queued in the same tick, before the caller does anything else.
      const ensured = ensureModels && (await ensureModels(planned.value, status().warm));
      const result =
        ensured && !ensured.ok
          ? ensured
          : await enqueue<'read'>({ kind: 'read', ...film, plan: planned.value }, signal, accepted, tenant);
      if (!result.ok) await faulted?.(result.fault);
      return result;
    },
    inspect: (file, signal) => enqueue<'inspect'>({ kind: 'inspect', ...file }, signal),
    render: (film, signal) => enqueue<'render'>({ kind: 'render', ...film }, signal),
    status,
    hasRoom,
    overload: (tenant = '') => (isFull(tenant) ? busy() : undefined),
    async close() {
      closing.abort();
      await ready;
      await queue.onIdle();
      await critical.shut();
      await pool.destroy();
    },
  };
}

const message = (error: unknown) => withoutPaths(messageOf(error));

/** What kind of error it was, and of the pool's own how a worker ended. */
function kind(error: unknown): string {
  if (!(error instanceof Error)) return 'an error of no kind';
  return /^worker exited with code: \d+$/.test(error.message) ? error.message : error.name;
}

/** thread.ts beside this file when run from source, thread.js when bundled. */
const workerFile = () => new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url).href;
