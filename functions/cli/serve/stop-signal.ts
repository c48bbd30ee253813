import { graceMs } from './supervisor.ts';

/** Resolves at the first SIGTERM or SIGINT, or when the supervisor is gone. A drain that takes too long is ended. */
export const stopSignal = () =>
  new Promise<void>((resolve) => {
    const stop = () => {
      setTimeout(() => {
        process.stderr.write(`alara: not everything was answered within ${graceMs / 1000} s; stopping now.\n`);
        process.exit(1);
      }, graceMs).unref();
      resolve();
    };
    process.on('SIGTERM', stop).on('SIGINT', stop).on('disconnect', stop);
  });
