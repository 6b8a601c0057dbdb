// NOTIFY for what has been committed already: what comes within one window shares a notification (rule 11), and a payload
// that Postgres would refuse is split.

import pg from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createNotifier } from '../../../src/core/ledger/notifier.ts';
import { createPool } from '../../../src/core/ledger/pool.ts';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';

const CHANNEL = 'test_channel';
const OTHER_CHANNEL = 'test_other_channel';
const THE_LAST = 'the last';
const SENDS = 500;
// Postgres's own bound.
const PAYLOAD_BYTES_MAX = 8_000;

async function setup() {
  const { databaseUrl } = await createDatabase();
  // One connection: what is asked after a notification came, comes after all that were under way with it.
  const pool = createPool(databaseUrl, { max: 1, applicationName: 'notifier' });
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await pool.end();
  });
  await client.query(`listen ${CHANNEL}`);
  await client.query(`listen ${OTHER_CHANNEL}`);
  const heard: [channel: string, payload: string][] = [];
  client.on('notification', ({ channel, payload }) => heard.push([channel, payload ?? '']));
  return {
    notifier: createNotifier(pool),
    /** Every notification of what was sent in one turn before this call. */
    async all() {
      await waitFor(() => heard.length > 0);
      await pool.query('select pg_notify($1, $2)', [CHANNEL, THE_LAST]);
      await waitFor(() => heard.some(([, payload]) => payload === THE_LAST));
      return heard.filter(([, payload]) => payload !== THE_LAST);
    },
  };
}

test('many of one item are one notification', async () => {
  const { notifier, all } = await setup();
  for (let sent = 0; sent < SENDS; sent++) notifier.send(CHANNEL, 'same');
  expect(await all()).toEqual([[CHANNEL, 'same']]);
});

test('different items of a channel share a notification, and each channel has its own', async () => {
  const { notifier, all } = await setup();
  const items = Array.from({ length: SENDS }, (_, index) => `item ${index}`);
  for (const item of items) notifier.send(CHANNEL, item);
  notifier.send(OTHER_CHANNEL, 'beside');
  expect((await all()).sort()).toEqual([
    [CHANNEL, items.join('\n')],
    [OTHER_CHANNEL, 'beside'],
  ]);
});

test('items that are too long for one notification share as few as they can, and none is lost', async () => {
  const { notifier, all } = await setup();
  // Two bytes each.
  const items = Array.from({ length: 30 }, (_, index) => `${index} ${'ü'.repeat(500)}`);
  for (const item of items) notifier.send(CHANNEL, item);
  const payloads = (await all()).map(([, payload]) => payload);
  expect(payloads.flatMap((payload) => payload.split('\n')).sort()).toEqual(items.toSorted());
  expect(payloads).toHaveLength(5);
  for (const payload of payloads) expect(Buffer.byteLength(payload)).toBeLessThan(PAYLOAD_BYTES_MAX);
});

test('what comes up to 10 ms after the first shares its notification', async () => {
  const { notifier, all } = await setup();
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  notifier.send(CHANNEL, 'first');
  vi.advanceTimersByTime(9);
  notifier.send(CHANNEL, 'second');
  vi.advanceTimersByTime(1);
  vi.useRealTimers();
  expect(await all()).toEqual([[CHANNEL, 'first\nsecond']]);
});

test('what is sent after a notification gets the next one', async () => {
  const { notifier, all } = await setup();
  notifier.send(CHANNEL, 'first');
  expect(await all()).toEqual([[CHANNEL, 'first']]);
  notifier.send(CHANNEL, 'second');
  await waitFor(async () => (await all()).length === 2);
  expect(await all()).toEqual([
    [CHANNEL, 'first'],
    [CHANNEL, 'second'],
  ]);
});
