import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
  SQSServiceException,
} from '@aws-sdk/client-sqs';
import type { Delivery, Queue } from '../queue.ts';
import { createPoller, type Poller } from './shared-poll.ts';

/** The longest delay of SQS. A message with a longer delay is sent again when this time is over. */
const longestDelaySeconds = 900;
/** The longest visibility timeout of SQS, all extensions together. Then the receipt expires. */
const longestSeconds = 12 * 3600;

/** A delivery with its message, which tells how often the message was delivered before it was last sent. */
type Held = Delivery & { readonly delivered: Message };

/** `closing` ends every wait. `idle` resolves when no poll is under way. */
export function awsQueue(
  client: SQSClient,
  url: string,
  closing: AbortSignal,
  hopSeconds = longestDelaySeconds,
): Queue & { idle(): Promise<void> } {
  const QueueUrl = url;
  const pollers = new Map<number, Poller<Held>>();
  /**
   * The deliveries of this process, and their expiry by its monotonic clock. SQS may accept an expired receipt, and delete
   * or change a message that another process has by then ("the request succeeds, but the message might not be deleted",
   * DeleteMessage). So an expired receipt is never sent.
   */
  const held = new Map<string, { readonly until: number; readonly delivery: Held }>();

  async function send(body: string, delayMs: number, earlier: number): Promise<void> {
    const seconds = Math.ceil(delayMs / 1000);
    const text = (StringValue: string) => ({ DataType: 'Number', StringValue });
    await client.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: body,
        DelaySeconds: Math.min(hopSeconds, seconds),
        MessageAttributes: {
          ...(earlier > 0 && { earlier: text(String(earlier)) }),
          ...(seconds > hopSeconds && { due: text(String(Date.now() + delayMs)) }),
        },
      }),
    );
  }

  const remove = (receipt: string) =>
    client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: receipt })).then(() => undefined, ifInvalidReceipt);

  /**
   * Release a message: send it again, and then remove this delivery. A message that became visible again could not wait
   * longer than twelve hours, and would count for the queue's redrive policy, which would take away a job that waits for a
   * PACS. If the process dies in between, the message exists twice, and is not lost.
   */
  async function sendAgain({ body, attempt, receipt }: Delivery, delayMs: number): Promise<void> {
    await send(body, delayMs, attempt);
    await remove(receipt);
  }

  async function receive(atMost: number, waitSeconds: number, visibilitySeconds: number): Promise<Held[]> {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: atMost,
        WaitTimeSeconds: waitSeconds,
        VisibilityTimeout: visibilitySeconds,
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        MessageAttributeNames: ['All'],
      }),
    );
    const now = performance.now();
    for (const [receipt, { until }] of held) if (until <= now) held.delete(receipt);
    const deliveries: Held[] = [];
    for (const message of Messages) {
      const delivery = deliveryOf(message);
      const leftMs = numberIn(message, 'due') - Date.now();
      if (leftMs > 0) {
        // Not due yet: one hop of a long delay, which does not count as a delivery.
        await sendAgain({ ...delivery, attempt: numberIn(message, 'earlier') }, leftMs);
        continue;
      }
      held.set(delivery.receipt, { until: now + 1000 * visibilitySeconds, delivery });
      deliveries.push(delivery);
    }
    return deliveries;
  }

  /** The delivery of a receipt that has not expired. */
  function valid(receipt: string): Held | undefined {
    const { until = 0, delivery } = held.get(receipt) ?? {};
    if (until > performance.now()) return delivery;
    held.delete(receipt);
    return undefined;
  }

  function pollerOf(visibilitySeconds: number): Poller<Held> {
    const known = pollers.get(visibilitySeconds);
    if (known) return known;
    const poller = createPoller(
      (atMost, waitSeconds) => receive(atMost, waitSeconds, visibilitySeconds),
      // No consumer has seen this delivery, so it does not count.
      (delivery) => sendAgain({ ...delivery, attempt: delivery.attempt - 1 }, 0),
    );
    pollers.set(visibilitySeconds, poller);
    return poller;
  }

  return {
    send: (body, delayMs = 0) => send(body, delayMs, 0),
    async receive({ visibilityMs, waitMs, signal }) {
      const over = signal ? AbortSignal.any([signal, closing]) : closing;
      if (over.aborted) return undefined;
      const visibilitySeconds = secondsOf(visibilityMs);
      const delivery =
        waitMs > 0 ? await pollerOf(visibilitySeconds).next(waitMs, over) : (await receive(1, 0, visibilitySeconds))[0];
      return delivery && { body: delivery.body, attempt: delivery.attempt, receipt: delivery.receipt };
    },
    async remove(receipt) {
      if (!valid(receipt)) return;
      await remove(receipt);
      held.delete(receipt);
    },
    async release(receipt, delayMs) {
      const delivery = valid(receipt);
      if (!delivery) return;
      await sendAgain(delivery, delayMs);
      held.delete(receipt);
    },
    async extend(receipt, visibilityMs) {
      const delivery = valid(receipt);
      if (!delivery) return false;
      const seconds = secondsOf(visibilityMs);
      const now = performance.now();
      const change = { QueueUrl, ReceiptHandle: receipt, VisibilityTimeout: seconds };
      const isHeld = await client.send(new ChangeMessageVisibilityCommand(change)).then(() => true, ifInvalidReceipt);
      if (isHeld) held.set(receipt, { until: now + 1000 * seconds, delivery });
      else held.delete(receipt);
      return isHeld ?? false;
    },
    /** The approximate counts of SQS, which follow up to a minute later. */
    async depth() {
      const counted = [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesDelayed',
        'ApproximateNumberOfMessagesNotVisible',
      ] as const;
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...counted] }),
      );
      const [visible, delayed, inFlight] = counted.map((name) => Number(Attributes[name] ?? 0));
      return { waiting: (visible ?? 0) + (delayed ?? 0), inFlight: inFlight ?? 0 };
    },
    async idle() {
      await Promise.all([...pollers.values()].map((poller) => poller.idle()));
    },
  };
}

/** Whole seconds for SQS, rounded up. */
const secondsOf = (ms: number) => Math.min(longestSeconds, Math.ceil(ms / 1000));

const numberIn = (message: Message, name: string) => Number(message.MessageAttributes?.[name]?.StringValue ?? 0);

function deliveryOf(message: Message): Held {
  const { Body, ReceiptHandle, Attributes } = message;
  if (Body === undefined || ReceiptHandle === undefined)
    throw new Error('SQS delivered a message without a body or a receipt');
  // On SQS each delivery has its own receipt handle. Some other servers reuse it.
  const attempt = numberIn(message, 'earlier') + Number(Attributes?.ApproximateReceiveCount ?? 1);
  return { body: Body, attempt, receipt: ReceiptHandle, delivered: message };
}

/** The errors of SQS for an invalid receipt, in both of its protocols. */
const invalidReceipt = /ReceiptHandleIsInvalid|MessageNotInflight|InvalidParameterValue|InvalidMessageContents/;

function ifInvalidReceipt(error: unknown): undefined {
  if (!(error instanceof SQSServiceException) || !invalidReceipt.test(error.name)) throw error;
}
