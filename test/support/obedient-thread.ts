import { setTimeout as sleep } from 'node:timers/promises';
import { acceptTask, commit } from '../../functions/inference/abort.ts';
import type { Task } from '../../functions/inference/task.ts';

/** The prefix of a body that the API passes to this thread. */
export const pngSignature = '\x89PNG\r\n\x1a\n';

/** A thread that obeys the bytes of the film, so that a test can make it fail. */
export async function work(task: Task): Promise<unknown> {
  if (task.kind === 'warm') return { ok: true, value: null };
  acceptTask(task.handshake);
  const [order = '', argument = ''] = Buffer.from(task.bytes).toString('latin1').replace(pngSignature, '').split(' ');
  if (order === 'throw') throw new Error('told to');
  if (order === 'exit') process.exit(3);
  if (order === 'commit') commit(task.handshake);
  // Only the end of its thread ends this loop.
  if (order === 'spin') for (;;);
  if (order === 'grow') {
    // Allocate in pieces without end, as a codec does. The pieces are so large that the allocator returns each to the system.
    const held: Buffer[] = [];
    while (held.length < Number(argument)) held.push(Buffer.alloc(40_000_000, 1));
    await sleep(60_000);
  }
  if (argument !== '') await sleep(Number(argument));
  return { ok: true, value: { id: task.kind === 'read' ? task.id : null, order } };
}
