import { expect, test } from 'vitest';
import type { Open } from './subject.ts';

export function accessContract(open: Open): void {
  test('accepts a key for its scopes, in other processes as well', async () => {
    const { platform, another } = await open();
    const { key, apiKey } = await platform.access.createKey('clinic', ['readings', 'pacs']);
    expect(key).toMatch(/^alara_[a-z2-7]{8,12}_[a-z2-7]{32,}$/);
    expect(key).toContain(`_${apiKey.id}_`);
    expect(apiKey).toMatchObject({ tenant: 'clinic', scopes: ['readings', 'pacs'] });
    const { access } = await another();
    expect(await access.check(key)).toEqual(apiKey);
    expect(await access.listKeys()).toEqual([apiKey]);
  });

  test('rejects a key that differs by a letter, is truncated, or is made of parts of two keys', async () => {
    const { access } = (await open()).platform;
    const { key } = await access.createKey('clinic', ['readings']);
    const { key: second, apiKey } = await access.createKey('practice', ['pacs']);
    const secretOf = (text: string) => text.slice(text.lastIndexOf('_') + 1);
    const last = key.endsWith('a') ? 'b' : 'a';
    const wrong = [
      `${key.slice(0, -1)}${last}`,
      key.slice(0, -1),
      `${key}a`,
      ` ${key}`,
      key.toUpperCase(),
      key.replace(secretOf(key), ''),
      second.replace(secretOf(second), secretOf(key)),
      apiKey.id,
      'alara_',
      '',
    ];
    for (const text of wrong) expect(await access.check(text)).toBeUndefined();
    expect((await access.check(second))?.tenant).toBe('practice');
  });

  test('creates a different key each time', async () => {
    const { access } = (await open()).platform;
    const made = await Promise.all(Array.from({ length: 20 }, () => access.createKey('clinic', ['jobs'])));
    expect(new Set(made.map(({ key }) => key)).size).toBe(20);
    expect(await access.listKeys()).toHaveLength(20);
  });

  test('rejects a revoked key, reports the time of the revocation, and leaves other keys valid', async () => {
    const { platform, another } = await open();
    const { access } = platform;
    const { key, apiKey } = await access.createKey('clinic', ['readings']);
    const { key: kept } = await access.createKey('clinic', ['readings']);
    expect(await (await another()).access.revokeKey(apiKey.id)).toBe(true);
    expect(await access.check(key)).toBeUndefined();
    expect(await access.check(kept)).toBeDefined();
    const [revoked] = (await access.listKeys()).filter(({ id }) => id === apiKey.id);
    expect(Date.parse(revoked?.revokedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(apiKey.createdAt));
    expect(await access.revokeKey(apiKey.id)).toBe(false);
    expect(await access.revokeKey('nobody')).toBe(false);
  });

  test('allows webhook hosts per tenant, and each tenant has one secret', async () => {
    const { platform, another } = await open();
    const { access } = platform;
    expect(await access.webhooks('clinic')).toBeUndefined();
    const first = await access.allowWebhooks('clinic', 'one.example');
    // Standard Webhooks: whsec_ and the Base64 of 24 to 64 bytes.
    expect(first.secret).toMatch(/^whsec_/);
    const secret = Buffer.from(first.secret.slice('whsec_'.length), 'base64');
    expect(secret.length).toBeGreaterThanOrEqual(24);
    expect(secret.length).toBeLessThanOrEqual(64);
    const second = await (await another()).access.allowWebhooks('clinic', 'two.example:8443');
    expect(second).toEqual({ hosts: ['one.example', 'two.example:8443'], secret: first.secret });
    expect(await access.allowWebhooks('clinic', 'one.example')).toEqual(second);
    expect(await access.webhooks('clinic')).toEqual(second);
    const other = await access.allowWebhooks('practice', 'one.example');
    expect(other.hosts).toEqual(['one.example']);
    expect(other.secret).not.toBe(first.secret);
  });

  test('denies a host for one tenant, and keeps the secret', async () => {
    const { platform, another } = await open();
    const { access } = platform;
    const { secret } = await access.allowWebhooks('clinic', 'one.example');
    await access.allowWebhooks('clinic', 'two.example');
    await access.allowWebhooks('practice', 'one.example');
    expect(await (await another()).access.denyWebhooks('clinic', 'one.example')).toBe(true);
    expect(await access.webhooks('clinic')).toEqual({ hosts: ['two.example'], secret });
    expect((await access.webhooks('practice'))?.hosts).toEqual(['one.example']);
    expect(await access.denyWebhooks('clinic', 'one.example')).toBe(false);
    expect(await access.denyWebhooks('nobody', 'one.example')).toBe(false);
  });

  test('rotates the secret: only the previous secret is kept, for its time', async () => {
    const { platform, another } = await open();
    const { access } = platform;
    const until = new Date('2030-01-02T03:04:05.678Z');
    expect(await access.rotateWebhooks('clinic', until)).toBeUndefined();
    const first = await access.allowWebhooks('clinic', 'one.example');
    const second = await (await another()).access.rotateWebhooks('clinic', until);
    expect(second).toMatchObject({
      hosts: ['one.example'],
      previous: { secret: first.secret, until: until.toISOString() },
    });
    expect(second?.secret).toMatch(/^whsec_/);
    expect(second?.secret).not.toBe(first.secret);
    expect(await access.webhooks('clinic')).toEqual(second);
    expect(await access.allowWebhooks('clinic', 'two.example')).toMatchObject({ secret: second?.secret });
    const third = await access.rotateWebhooks('clinic', until);
    expect(third?.previous?.secret).toBe(second?.secret);
  });

  test('creates one secret when many processes allow hosts at the same time', async () => {
    const { platform, another } = await open();
    const other = await another();
    const allowed = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? platform : other).access.allowWebhooks('clinic', `h${i}.example`)),
    );
    expect(new Set(allowed.map(({ secret }) => secret)).size).toBe(1);
    expect((await platform.access.webhooks('clinic'))?.hosts).toHaveLength(10);
  });
}
