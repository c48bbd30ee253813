import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { JobFinished } from '../../core/job-view.ts';
import { tagNames } from '../http/tags.ts';

const SentHeaders = z.object({
  'webhook-id': z.string().meta({
    description: 'The id of the event. It is equal in every attempt, so a receiver recognises a repetition.',
    example: 'job_4b1f0c',
  }),
  'webhook-timestamp': z
    .string()
    .meta({ description: 'The time of this attempt, in seconds since 1970.', example: '1790000000' }),
  'webhook-signature': z.string().meta({
    description:
      'One signature, or two separated by a space while a secret is replaced. Accept the webhook if one of the signatures is valid.',
    example: 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  }),
});

const verification = `Sent once per job that named a \`webhook\`, when the job has ended (state done, failed, dead or cancelled), by
[Standard Webhooks](https://www.standardwebhooks.com).

**Verify the signature before you use the body.**

1. Take the bytes of the body as they arrived. Do not parse and write them again.
2. The key is the Base64-decoded text behind \`whsec_\` of the secret that the operator gave you (\`alara webhooks\`).
3. Compute HMAC-SHA256 with this key over \`{webhook-id}.{webhook-timestamp}.{body}\`, and encode it in Base64.
4. Compare the result, in constant time, with each signature of \`webhook-signature\` behind \`v1,\`.
5. Refuse a \`webhook-timestamp\` that differs from your clock by more than five minutes.

The libraries of Standard Webhooks do all five steps. The body has no identifiers of patients, studies or instances: \`GET /v1/jobs/{id}\` returns
the whole job.

Answer with a 2xx status within ten seconds, and process the webhook later. Redirects are not followed. 410 ends the delivery at once. Other statuses,
and no answer, lead to a later attempt, after \`Retry-After\` if the answer has it.`;

/** Describe the webhooks in the OpenAPI document: `functions/jobs/handlers/webhook.ts` sends them. */
export function webhooks({ openAPIRegistry }: OpenAPIHono): void {
  openAPIRegistry.registerWebhook({
    method: 'post',
    path: 'job.finished',
    operationId: 'onJobFinished',
    tags: [tagNames.webhooks],
    summary: 'A job has ended',
    description: verification,
    security: [],
    request: {
      headers: SentHeaders,
      body: { required: true, content: { 'application/json': { schema: JobFinished } } },
    },
    responses: {
      '2XX': { description: 'The webhook is accepted. The body of the answer is not read.' },
      410: { description: 'The receiver refuses this webhook for good. It is not sent again.' },
    },
  });
}
