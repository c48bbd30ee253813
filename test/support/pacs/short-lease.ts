/**
 * The service of `alara serve` in one process that a test can kill. After a crash, another process takes over the job after
 * seconds instead of a minute.
 */
import { createAdaptorServer } from '@hono/node-server';
import { assemble } from '../../../functions/api/service.ts';
import { readConfig } from '../../../functions/platform/config.ts';
import { createLog } from '../../../functions/platform/log.ts';

const config = readConfig(process.env);
const { app, begin } = await assemble(config, createLog(config.log), { visibilityMs: 3000 });
createAdaptorServer({ fetch: app.fetch }).listen(config.port, config.host, begin);
