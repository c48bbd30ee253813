import type { Platform } from '../platform/platform.ts';
import type { Receivers } from './deliver.ts';
import { filmHandler, type Reader } from './film.ts';
import type { Handler, Handlers } from './handler.ts';
import { instancesHandler } from './instances.ts';
import { webhookHandler } from './webhook.ts';
import { createWebhookTurns, type WebhookTurns } from './webhook-turns.ts';

/** What has to do with a PACS. */
export type PacsWork = Receivers & { readonly study: Handler<'study'> };

/** A handler for every kind of job. */
export const createHandlers = (
  reader: Reader & { readonly platform: Pick<Platform, 'jobs' | 'access'> },
  { study, ...receivers }: PacsWork,
  turns: WebhookTurns = createWebhookTurns(),
): Handlers => ({
  film: filmHandler(reader),
  instances: instancesHandler(reader, receivers),
  study,
  webhook: webhookHandler(reader.platform, turns),
});
