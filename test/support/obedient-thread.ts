import { setTimeout as sleep } from 'node:timers/promises';
import { commit, takeUp } from '../../functions/inference/abort.ts';
import type { Task } from '../../functions/inference/task.ts';

/** What a body must begin with to come here by the API. */
export const pngSignature = '\x89PNG\r\n\x1a\n';

/** A worker that does what the film's bytes say, so that a test can make it fail. */
export async function work(task: Task): Promise<unknown> {
  if (task.kind === 'warm') return { ok: true, value: null };
  takeUp(task.handshake);
  const [order = '', argument = ''] = Buffer.from(task.bytes).toString('latin1').replace(pngSignature, '').split(' ');
  if (order === 'throw') throw new Error('told to');
  if (order === 'exit') process.exit(3);
  if (order === 'commit') commit(task.handshake);
  // Nothing but an end of its thread ends this.
  if (order === 'spin') for (;;);
  if (order === 'grow') {
    // In pieces, as a codec does, and never done; so large that the allocator gives each back to the system.
    const held: Buffer[] = [];
    while (held.length < Number(argument)) held.push(Buffer.alloc(40_000_000, 1));
    await sleep(60_000);
  }
  if (argument !== '') await sleep(Number(argument));
  return { ok: true, value: { id: task.kind === 'read' ? task.id : null, order } };
}
