import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ConditionalCheckFailedException, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';

export type Key = { readonly pk: string; readonly sk: string };
/** Attributes of an item, without its key and without those that this file keeps for itself. */
export type Item = Readonly<Record<string, unknown>>;
export type Found = Item & Key;

/** One table for everything, keyed by `pk` and `sk`. Every look at a key sees what was written before. */
export type Table = {
  get(key: Key): Promise<Found | undefined>;
  /** Keep an item where there is none; false where there is one. */
  create(key: Key, item: Item): Promise<boolean>;
  /**
   * Change an item as it is now, atomically: `change` is asked again when another was faster. It answers with undefined
   * to leave it as it is.
   */
  change<To extends Item>(
    key: Key,
    change: (found: Found | undefined) => Promise<To | undefined> | To | undefined,
  ): Promise<To | undefined>;
  /** Remove an item that still is as it was found; whether it was. */
  removeAs(found: Found): Promise<boolean>;
  /** Remove an item, whatever it is by now. */
  remove(key: Key): Promise<void>;
  /** What a query finds, page after page. */
  query(query: Omit<QueryCommandInput, 'TableName'>): AsyncGenerator<Found>;
};

/** How long to go on against others that change the same item. */
const patienceMs = 20_000;

// Each write leaves a mark of its own. It is what the next one depends on, and it tells a writer whose answer was lost
// that a condition failed because of its own first try: the SDK repeats what may have been done already.
const mark = 'written';

export function openTable(dynamo: DynamoDBClient, name: string): Table {
  const client = DynamoDBDocumentClient.from(dynamo, { marshallOptions: { removeUndefinedValues: true } });
  const TableName = name;

  async function get(key: Key): Promise<Found | undefined> {
    const { Item } = await client.send(new GetCommand({ TableName, Key: key, ConsistentRead: true }));
    return Item as Found | undefined;
  }

  /** Write an item if what is there is what was found; whether it was. */
  async function put(key: Key, item: Item, found: Found | undefined): Promise<boolean> {
    const written = randomUUID();
    const condition = found
      ? {
          ConditionExpression: '#mark = :mark',
          ExpressionAttributeNames: { '#mark': mark },
          ExpressionAttributeValues: { ':mark': found[mark] },
        }
      : { ConditionExpression: 'attribute_not_exists(pk)' };
    try {
      await client.send(new PutCommand({ TableName, Item: { ...item, ...key, [mark]: written }, ...condition }));
      return true;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      if (error.$metadata.attempts === 1) return false;
      return (await get(key))?.[mark] === written;
    }
  }

  return {
    get,
    create: (key, item) => put(key, item, undefined),
    async change(key, change) {
      const deadline = performance.now() + patienceMs;
      for (let pauseMs = 2; ; pauseMs = Math.min(200, 2 * pauseMs)) {
        const found = await get(key);
        const item = await change(found);
        if (!item) return undefined;
        if (await put(key, item, found)) return item;
        if (performance.now() > deadline) throw new StoreUnavailable('too many change the same item');
        await delay(Math.random() * pauseMs);
      }
    },
    async removeAs(found) {
      const { pk, sk } = found;
      try {
        await client.send(
          new DeleteCommand({
            ...{ TableName, Key: { pk, sk }, ConditionExpression: '#mark = :mark' },
            ExpressionAttributeNames: { '#mark': mark },
            ExpressionAttributeValues: { ':mark': found[mark] },
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },
    async remove({ pk, sk }) {
      await client.send(new DeleteCommand({ TableName, Key: { pk, sk } }));
    },
    async *query(query) {
      let ExclusiveStartKey: Record<string, unknown> | undefined;
      do {
        const page = await client.send(new QueryCommand({ ...query, TableName, ExclusiveStartKey }));
        yield* (page.Items ?? []) as Found[];
        ExclusiveStartKey = page.LastEvaluatedKey;
      } while (ExclusiveStartKey);
    },
  };
}
