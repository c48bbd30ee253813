import { setTimeout as sleep } from 'node:timers/promises';
import type { Task } from '../../functions/engine/task.ts';

const started = performance.now();

/** A worker that does what the film's bytes say, so that a test can make it fail. */
export async function work(task: Task): Promise<unknown> {
  if (task.kind === 'warm') return { ok: true, value: null };
  const [order = '', argument = ''] = new TextDecoder().decode(task.bytes).split(' ');
  if (order === 'throw') throw new Error('told to');
  if (order === 'exit') process.exit(3);
  if (order === 'spin') while (performance.now() - started < 60_000) {}
  if (order === 'sleep') await sleep(Number(argument));
  return { ok: true, value: { id: task.kind === 'read' ? task.id : null, order } };
}
