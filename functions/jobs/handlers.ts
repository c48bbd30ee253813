import type { Platform } from '../storage/platform.ts';
import type { Handler, Handlers } from './handler.ts';
import { filmHandler, type Reader } from './handlers/film.ts';
import { instancesHandler } from './handlers/instances.ts';
import { webhookHandler } from './handlers/webhook.ts';
import { createWebhookTurns, type WebhookTurns } from './handlers/webhook-limits.ts';
import type { Receivers } from './result-sink.ts';

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
