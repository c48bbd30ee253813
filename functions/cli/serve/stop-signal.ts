import { graceMs } from './supervisor.ts';

/** Resolves at the first SIGTERM or SIGINT, or when the supervisor has ended. The process exits after `graceMs` at the latest. */
export const stopSignal = () =>
  new Promise<void>((resolve) => {
    const stop = () => {
      setTimeout(() => {
        process.stderr.write(`alara: some requests were not answered within ${graceMs / 1000} s; exiting now.\n`);
        process.exit(1);
      }, graceMs).unref();
      resolve();
    };
    process.on('SIGTERM', stop).on('SIGINT', stop).on('disconnect', stop);
  });
