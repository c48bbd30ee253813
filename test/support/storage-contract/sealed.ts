import { expect, test } from 'vitest';
import { instance, job, reading } from './samples.ts';
import { stream } from './streams.ts';
import type { Open } from './subject.ts';

/** The texts of an instance that are long enough not to occur by chance. */
const texts = (value: unknown): string[] =>
  typeof value === 'object' && value !== null
    ? Object.values(value).flatMap(texts)
    : typeof value === 'string' && value.length > 7
      ? [value]
      : [];

export function sealedContract(open: Open): void {
  test('contains no identifier of a patient, study or instance, and no film', async () => {
    const { platform, atRest } = await open();
    const { readings, jobs, queue, blobs, filmOutcomes } = platform;
    const film = Buffer.from('DICM and then a film of ALARA^TEST, many times. '.repeat(1000));
    await readings.put('clinic', { reading: reading('rd_a'), instance });
    await jobs.create(job('a'));
    await jobs.update('a', (found) => ({
      ...found,
      state: 'done',
      outcomes: [{ sopInstanceUid: instance.sopInstanceUid, reading: 'rd_a', stored: [instance.seriesInstanceUid] }],
    }));
    const refused = { code: 'not_frontal_view', view: 'LL' };
    await filmOutcomes.put('a', [{ sopInstanceUid: instance.sopInstanceUid, listedAs: 'a', refused }]);
    await queue.send('a');
    await blobs.put(instance.sopInstanceUid, stream(film), 1_000_000);
    const kept = await atRest();
    // A text that is not secret is found, so the search works.
    expect(kept.includes('rd_a')).toBe(true);
    expect(kept.length).toBeGreaterThan(film.length);
    const secrets = [...texts(instance).filter((text) => text !== instance.sopClassUid), 'ALARA^TEST', 'DICM and then'];
    expect(secrets.length).toBeGreaterThan(8);
    for (const secret of secrets) expect(kept.includes(secret), secret).toBe(false);
  });

  test('grants no access: it contains no API key and no webhook secret', async () => {
    const { platform, atRest } = await open();
    const { key, apiKey } = await platform.access.createKey('clinic', ['readings']);
    const { secret } = await platform.access.allowWebhooks('clinic', 'one.example');
    await platform.access.check(key);
    const kept = await atRest();
    expect(kept.includes(apiKey.id)).toBe(true);
    expect(kept.includes('one.example')).toBe(true);
    const raw = Buffer.from(secret.slice('whsec_'.length), 'base64');
    for (const hidden of [key, key.slice(key.lastIndexOf('_') + 1), secret, secret.slice('whsec_'.length), raw])
      expect(kept.includes(hidden)).toBe(false);
  });
}
