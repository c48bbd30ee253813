import '../platform/no-telemetry.ts';
import PQueue from 'p-queue';
import { Piscina } from 'piscina';
import { messageOf, withoutPaths } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import type { Film } from '../core/film.ts';
import { fail, type Result } from '../core/result.ts';
import { ms } from '../core/units.ts';
import type { Inspected } from '../decode/dicom/inspect.ts';
import type { FilmReading } from '../reading/read.ts';
import type { RequestPlan } from '../routing/plan-request.ts';
import type { ReadRequest } from '../routing/request.ts';
import { createHandshake } from './abort.ts';
import { createFairQueue } from './fair-queue.ts';
import { createLatency } from './latency.ts';
import { usualMemoryBytes, watchMemory } from './memory-guard.ts';
import { createCriticalSection } from './native-lock.ts';
import type { Answer, FilmTask, InspectTask, ReadTask, RenderTask, Task, WorkerSetup } from './task.ts';
import { watchWarmUp } from './warm-up.ts';

export type EngineOptions = WorkerSetup & {
  /** Threads, and so the number of films that are read at the same time. */
  readonly workers: number;
  /**
   * The most films that may wait. Fewer may wait if more could not be answered within the deadline. A tenant gets its share of these
   * places even if other tenants have taken all of them.
   */
  readonly queue: number;
  /** Milliseconds from acceptance to answer. */
  readonly deadlineMs: number;
  /** The memory limit of the process while films are read. Default: a share of the memory of the container or machine. */
  readonly memoryBytes?: number;
  /** Plans a request. Each film is planned once, here. */
  readonly plan: (request: ReadRequest) => Result<RequestPlan, Fault>;
  /** The module that each thread runs; its `work` takes a task. */
  readonly threadFile?: string;
} & EngineHooks;

/** Functions that an engine calls on events. */
export type EngineHooks = {
  /** Receives what a thread threw or why it died. The message may quote the film, so it goes into no log and no answer. */
  readonly failed?: (error: unknown) => void;
  /** Download the models of a plan that are not on this machine. `warm`: whether every thread has its usual variants. */
  readonly ensureModels?: (plan: RequestPlan, warm: boolean) => Promise<Result<null, Fault>>;
  /** Download again the models that a thread lacks, as far as possible. */
  readonly downloadAgain?: (fault: Fault) => Promise<void>;
  /** Receives each fault of a reading, and the fault of a start that left the threads without their usual variants, before callers do. */
  readonly faulted?: (fault: Fault) => Promise<void>;
};

export type EngineStatus = {
  readonly waiting: number;
  readonly running: number;
  /** Whether every thread has its usual variants, now. */
  readonly warm: boolean;
  /** Why the engine is not warm. Null while the variants load for the first time. */
  readonly fault: Fault | null;
};

/**
 * Reads films in threads, so that the HTTP thread only waits. A thread that decodes DICOM can be ended. A thread that runs a model
 * cannot, and stays busy until the run has ended.
 */
export type Engine = {
  /** Resolves when every thread has started and its usual variants are warm, or with the fault that prevents it. */
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
  ): Promise<Result<FilmReading, Fault>>;
  /** Parse the header of a DICOM instance in a thread, where a hostile file does no harm. Takes the bytes away. */
  inspect(file: Omit<InspectTask, 'kind'>, signal?: AbortSignal): Promise<Result<Inspected, Fault>>;
  /** Decode a film for a picture of it. Takes the bytes away. */
  render(film: Omit<RenderTask, 'kind'>, signal?: AbortSignal): Promise<Result<Film, Fault>>;
  status(): EngineStatus;
  /** Why a film of a tenant would be refused now; undefined if there is a place. Called before a body is read. */
  overload(tenant?: string): Fault | undefined;
  /** Whether there is a place for every tenant, so that `overload` need not be called per tenant. */
  hasRoom(): boolean;
  /** Refuse new films, finish accepted films, then stop the threads. */
  close(): Promise<void>;
};

export function createEngine(options: EngineOptions): Engine {
  const {
    workers,
    queue: limit,
    deadlineMs,
    memoryBytes = usualMemoryBytes(),
    threadFile = usualThreadFile(),
    plan,
    failed,
    ensureModels,
    downloadAgain,
    faulted,
    ...setup
  } = options;
  const critical = createCriticalSection();
  const pool = new Piscina<Task, Result<Answer[Task['kind']], Fault>>({
    filename: threadFile,
    name: 'work',
    minThreads: workers,
    maxThreads: workers,
    workerData: { ...setup, section: critical.section },
  });
  // Films wait in this queue, from which a film can be removed. The pool holds only films that run.
  const queue = new PQueue({ concurrency: workers });
  const fairQueue = createFairQueue();
  const latency = createLatency();
  const memory = watchMemory(memoryBytes);
  const closing = new AbortController();
  const warmUp = watchWarmUp(pool, {
    ...(downloadAgain && { downloadAgain }),
    // With priority over waiting films, which may need these models.
    warmAll: () => ready.then(() => everyThread(() => queue.add(warmOne, { priority: 1 }))),
    closing: closing.signal,
  });
  // The pool replaces a thread that dies between two films. A thread that cannot start reports its error here.
  pool.on('error', (error) => {
    // Before the first film, an error message cannot contain patient data, so it is safe to log.
    const problem = everWarm ? kind(error) : message(error);
    warmUp.failed({ code: 'inference_failed', problem: `a thread stopped: ${problem}` });
    failed?.(error);
    // Piscina does not replace a thread that failed to start. Destroy the pool, or queued tasks hang.
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
    warmUp.failed(cold.fault);
    await faulted?.(cold.fault);
    return cold;
  }

  async function submit<Kind extends Task['kind']>(
    task: Extract<Task, { kind: Kind }>,
    signal?: AbortSignal,
  ): Promise<Result<Answer[Kind], Fault>> {
    const dead = pool.threads.length === 0 && warmUp.fault();
    if (dead) return fail(dead);
    try {
      const transferList = 'bytes' in task ? [task.bytes.buffer] : [];
      const answer = await pool.run(task, { transferList, ...(signal && { signal }) });
      return answer as Result<Answer[Kind], Fault>;
    } catch (error) {
      if (signal?.aborted) return fail(deadlineExceeded());
      failed?.(error);
      const said = task.kind === 'warm' ? message(error) : kind(error);
      return fail<Fault>({ code: 'inference_failed', problem: `the thread stopped: ${said}` });
    }
  }

  /**
   * The depth of the queue: as many films as are read in half of the deadline at the current rate. The other half allows for slower
   * films, so that accepted films are answered in time.
   */
  const depth = () =>
    latency.usualMs() === 0 ? limit : Math.min(limit, Math.floor((workers * deadlineMs) / 2 / latency.averageMs()));
  const hasRoom = () => queue.pending < workers || queue.size < depth();
  const isFull = (tenant: string) => !hasRoom() && fairQueue.hasShare(tenant, depth());
  // An answer that leaves at the deadline arrives after it.
  const answerMs = deadlineMs - Math.min(250, deadlineMs / 20);
  const deadlineExceeded = (): Fault => ({ code: 'deadline_exceeded', deadlineMs: ms(deadlineMs) });
  const queueFull = (): Fault => ({
    code: 'queue_full',
    retryAfterMs: ms(Math.ceil(((queue.size + 1) * latency.averageMs()) / workers)),
  });

  /** Queue a task until a thread is free, the deadline passes or the caller leaves. */
  async function enqueue<Kind extends FilmTask['kind']>(
    task: Extract<FilmTask, { kind: Kind }>,
    signal?: AbortSignal,
    accepted = performance.now(),
    tenant = '',
  ): Promise<Result<Answer[Kind], Fault>> {
    if (closing.signal.aborted) return fail({ code: 'shutting_down', retryAfterMs: ms(1000) });
    if (signal?.aborted) return fail({ code: 'client_gone' });
    // The deadline has passed already, for example while a model was downloaded.
    if (performance.now() >= accepted + answerMs) return fail(queueFull());
    const waits = queue.pending >= workers;
    if (task.kind === 'read' ? isFull(tenant) : waits && queue.size >= limit) return fail(queueFull());
    const { handshake, signal: killed, end, kill } = createHandshake();
    const due = accepted + answerMs;
    const waiting = new AbortController();
    const early = Promise.withResolvers<Result<never, Fault>>();
    let startedAt: number | undefined;
    const turn = fairQueue.next(tenant);

    /** Answer the caller with a fault now. A waiting film leaves the queue; a running film keeps its thread to its end. */
    const answerEarly = (fault: Fault) => {
      if (startedAt === undefined) waiting.abort();
      early.resolve(fail(fault));
    };
    const overdue = setTimeout(() => {
      if (startedAt !== undefined) kill();
      // If the film waited for most of the time, the cause is load, not a slow film.
      const ownMs = performance.now() - (startedAt ?? Number.POSITIVE_INFINITY);
      answerEarly(ownMs > deadlineMs / 2 ? deadlineExceeded() : queueFull());
    }, due - performance.now());
    const stopForMemory = () => {
      if (!end()) return false;
      answerEarly({ code: 'memory_exceeded', limitBytes: memoryBytes });
      return true;
    };
    const onAbort = () => answerEarly({ code: 'client_gone' });
    signal?.addEventListener('abort', onAbort);

    const run = async (): Promise<Result<Answer[Kind], Fault>> => {
      turn.end('started');
      // At the current latency this film would miss its deadline. Reject it now.
      if (waits && task.kind === 'read' && due - performance.now() < latency.usualMs()) return fail(queueFull());
      startedAt = performance.now();
      const read = () => submit<Kind>({ ...task, handshake } as Extract<Task, { kind: Kind }>, killed);
      return memory.during(stopForMemory, () => (task.kind === 'read' ? latency.time(read) : read()));
    };
    const answered = queue.add(run, { signal: waiting.signal, priority: turn.priority }).finally(() => {
      turn.end('abandoned');
      clearTimeout(overdue);
      signal?.removeEventListener('abort', onAbort);
    });
    return Promise.race([
      early.promise,
      answered.catch((error) => (waiting.signal.aborted ? early.promise : Promise.reject(error))),
    ]);
  }

  const status = (): EngineStatus => {
    const fault = warmUp.fault();
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
    overload: (tenant = '') => (isFull(tenant) ? queueFull() : undefined),
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

/** The class of an error, or how a thread ended. Both are safe to log. */
function kind(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown error';
  return /^worker exited with code: \d+$/.test(error.message) ? error.message : error.name;
}

/** thread.ts beside this file when run from source, thread.js when bundled. */
const usualThreadFile = () =>
  new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url).href;
