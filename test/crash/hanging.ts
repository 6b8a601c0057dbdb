// A target that never answers holds its own events up, and nobody else's.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { acceptLate } from '../support/late.ts';
import { waitFor } from '../support/wait.ts';
import { spread } from './client.ts';
import { PATIENCE_MS, type Scene, setup } from './setup.ts';

const WEBHOOKS = 2_000;
const NOTIFICATIONS = 500;
// Each of so many users waits for their own: it is the wait behind the webhooks that counts, not the machine's pace.
const AT_ONCE = 5;
const P99_MAX_MS = 1_000;
const QUICK = '/quick';
// Late and quick: they put the type under pressure, so that the hanging ones share runs where batches are on.
const PRESSING_WEBHOOKS = 20;
const LATE_MS = 1_000;

/** Sends notifications, one every `paceMs` a user, beside webhooks that hang until their timeout. */
export async function hangBeside(environment: Record<string, string>, paceMs: number): Promise<void> {
  let hanging = 0;
  const target = createServer((request, response) => {
    if (request.url === QUICK) response.end();
    else hanging += 1;
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    target.closeAllConnections();
    target.close();
  });
  const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}/`;
  // The slots that a worker has by default.
  const scene = await setup({ ...environment, TEM_SLOTS: '40', TEM_OUTBOUND_ALLOW: '127.0.0.1' });
  await scene.startWorker();
  const alone = await quickNotifications(scene, 0);
  const webhook = { type: 'webhook', payload: { url, body: {} }, source: 'http' };
  const quick = { ...webhook, payload: { url: new URL(QUICK, url).href, body: {} } };
  const outcomes = await acceptLate(scene.pool, LATE_MS, (client) =>
    acceptEvents(client, [
      ...Array.from({ length: PRESSING_WEBHOOKS }, () => quick),
      ...Array.from({ length: WEBHOOKS }, () => webhook),
    ]),
  );
  const ids = outcomes.slice(PRESSING_WEBHOOKS).map(({ id }) => id);
  await waitFor(() => hanging >= 20, PATIENCE_MS);
  const beside = await quickNotifications(scene, paceMs);
  expect(beside, `without the webhooks ${Math.round(alone)} ms`).toBeLessThan(P99_MAX_MS);
  expect((await scene.rows(ids)).filter((row) => row.state === 'PROCESSED')).toEqual([]);
  await scene.expectSomeBatched(ids);
}

/** Sends notifications and resolves to the p99 of their time from accept to PROCESSED, in milliseconds. */
async function quickNotifications(scene: Scene, paceMs: number): Promise<number> {
  const ids = await spread(NOTIFICATIONS, AT_ONCE, async (index) => {
    const payload = { user: `user-${index}`, title: 'quick', body: '' };
    const [outcome] = await acceptEvents(scene.pool, [{ type: 'notification', payload, source: 'http' }]);
    await Promise.all([scene.untilState(outcome?.id as string, 'PROCESSED'), delay(paceMs)]);
    return outcome?.id;
  });
  const { rows } = await scene.pool.query<{ ms: number }>(
    `select extract(epoch from processed_at - created_at)::float8 * 1000 as ms from tem.event where id = any($1) order by ms`,
    [ids],
  );
  expect(rows).toHaveLength(NOTIFICATIONS);
  return rows[Math.ceil(NOTIFICATIONS * 0.99) - 1]?.ms as number;
}
