import type { Fault } from '../core/fault.ts';
import type { Logger } from '../platform/log.ts';
import type { Engine } from './pool.ts';

/** Say in the log that a model was refused: alarms count these lines by their event. */
export function raiseCorrupt(log: Logger, fault: Fault): void {
  if (fault.code === 'model_corrupt')
    log.error({ event: 'model_corrupt', variant: fault.variant, problem: fault.problem }, 'a model was refused');
}

/** An engine that raises an alarm when a model is not what its digest says. */
export function alarmed(engine: Engine, log: Logger): Engine {
  void engine.ready.then((warmed) => warmed.ok || raiseCorrupt(log, warmed.fault));
  return {
    ...engine,
    async read(...film) {
      const result = await engine.read(...film);
      if (!result.ok) raiseCorrupt(log, result.fault);
      return result;
    },
  };
}
