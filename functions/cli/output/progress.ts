import { SingleBar } from 'cli-progress';

/** The progress of a long command. */
export type Progress = {
  /** Print without leaving a part of the bar. */
  print(write: () => void): void;
  advance(failed: boolean): void;
  stop(): void;
};

/** A progress bar on standard error; none without a terminal or for a single film. */
export function openProgress(total: number): Progress {
  if (!process.stderr.isTTY || total < 2) return { print: (write) => write(), advance() {}, stop() {} };
  const start = performance.now();
  let done = 0;
  let failures = 0;
  const bar = new SingleBar({
    format: 'reading {bar} {value}/{total} films, {failures} failed, {left} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    clearOnComplete: true,
    // The handler of the library would ignore the first Ctrl-C.
    gracefulExit: false,
  });
  const payload = () => ({
    failures,
    left: done === 0 ? '…' : duration(((total - done) / done) * (performance.now() - start)),
  });
  bar.start(total, 0, payload());
  return {
    print(write) {
      // The bar must be cleared only if standard output is on the same terminal.
      if (!process.stdout.isTTY) return write();
      bar.stop();
      write();
      bar.start(total, done, payload());
    },
    advance(failed) {
      done++;
      if (failed) failures++;
      bar.update(done, payload());
    },
    stop: () => bar.stop(),
  };
}

const duration = (ms: number) => (ms < 60_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.ceil(ms / 60_000)} min`);
