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
/** The attributes of an item, without its key and without the version that this file writes. */
export type Item = Readonly<Record<string, unknown>>;
export type Found = Item & Key;

/** One table for all stores, with the keys `pk` and `sk`. Reads of a key are strongly consistent. */
export type Table = {
  get(key: Key): Promise<Found | undefined>;
  /** Store a new item. False where an item with this key exists. */
  create(key: Key, item: Item): Promise<boolean>;
  /**
   * Change the current item atomically. `change` is called again where another process was faster. If it returns undefined,
   * the item stays as it is.
   */
  change<To extends Item>(
    key: Key,
    change: (found: Found | undefined) => Promise<To | undefined> | To | undefined,
  ): Promise<To | undefined>;
  /** Remove an item if it has not changed since it was found. False where it has. */
  removeAs(found: Found): Promise<boolean>;
  /** Remove an item in its current state. */
  remove(key: Key): Promise<void>;
  /** The items that a query finds, page by page. */
  query(query: Omit<QueryCommandInput, 'TableName'>): AsyncGenerator<Found>;
};

/** How long a change is retried while others change the same item. */
const conflictTimeoutMs = 20_000;

// Each write stores a random version, which is the condition of the next write. The SDK repeats a write whose answer was
// lost. If its condition then fails, the version shows whether the first try was written.
const version = 'written';

export function openTable(dynamo: DynamoDBClient, name: string): Table {
  const client = DynamoDBDocumentClient.from(dynamo, { marshallOptions: { removeUndefinedValues: true } });
  const TableName = name;

  async function get(key: Key): Promise<Found | undefined> {
    const { Item } = await client.send(new GetCommand({ TableName, Key: key, ConsistentRead: true }));
    return Item as Found | undefined;
  }

  /** Write an item if the stored one has not changed since it was found. False where it has. */
  async function put(key: Key, item: Item, found: Found | undefined): Promise<boolean> {
    const written = randomUUID();
    const condition = found
      ? {
          ConditionExpression: '#version = :version',
          ExpressionAttributeNames: { '#version': version },
          ExpressionAttributeValues: { ':version': found[version] },
        }
      : { ConditionExpression: 'attribute_not_exists(pk)' };
    try {
      await client.send(new PutCommand({ TableName, Item: { ...item, ...key, [version]: written }, ...condition }));
      return true;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      if (error.$metadata.attempts === 1) return false;
      return (await get(key))?.[version] === written;
    }
  }

  return {
    get,
    create: (key, item) => put(key, item, undefined),
    async change(key, change) {
      const deadline = performance.now() + conflictTimeoutMs;
      for (let pauseMs = 2; ; pauseMs = Math.min(200, 2 * pauseMs)) {
        const found = await get(key);
        const item = await change(found);
        if (!item) return undefined;
        if (await put(key, item, found)) return item;
        if (performance.now() > deadline) throw new StoreUnavailable('too many processes change the same item');
        await delay(Math.random() * pauseMs);
      }
    },
    async removeAs(found) {
      const { pk, sk } = found;
      try {
        await client.send(
          new DeleteCommand({
            TableName,
            Key: { pk, sk },
            ConditionExpression: '#version = :version',
            ExpressionAttributeNames: { '#version': version },
            ExpressionAttributeValues: { ':version': found[version] },
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
