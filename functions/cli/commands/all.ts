import { serve } from '../serve/serve.ts';
import { catalog } from './catalog.ts';
import { completion } from './completion.ts';
import { doctor } from './doctor.ts';
import { jobs } from './jobs.ts';
import { keys } from './keys.ts';
import { orthanc } from './orthanc.ts';
import { read } from './read.ts';
import { route } from './route.ts';
import { webhooks } from './webhooks.ts';

/** All commands, in the order of the help. */
export const allCommands = [serve, read, route, catalog, jobs, keys, webhooks, orthanc, doctor, completion] as const;
