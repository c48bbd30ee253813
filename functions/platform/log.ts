import { destination, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** A log of JSON lines on standard error. Never log a body, a file name or other data that can identify a patient. */
export const createLog = (level: string): Logger =>
  pino(
    { level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` },
    destination({ fd: 2, sync: true }),
  );
