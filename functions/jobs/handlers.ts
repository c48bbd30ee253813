import type { Handler, Handlers } from './handler.ts';
import { filmHandler } from './handlers/film.ts';
import { instancesHandler } from './handlers/instances.ts';
import { type WebhookStores, webhookHandler } from './handlers/webhook.ts';
import { createWebhookLimits, type WebhookLimits } from './handlers/webhook-limits.ts';
import type { FilmReader } from './read-film.ts';
import type { ResultSink } from './result-sink.ts';

/** The work that needs a PACS connection. */
export type PacsWork = ResultSink & { readonly study: Handler<'study'> };

/** A handler for every kind of job. */
export const createHandlers = (
  reader: FilmReader & { readonly platform: WebhookStores },
  { study, ...sink }: PacsWork,
  limits: WebhookLimits = createWebhookLimits(),
): Handlers => ({
  film: filmHandler(reader),
  instances: instancesHandler(reader, sink),
  study,
  webhook: webhookHandler(reader.platform, limits),
});
