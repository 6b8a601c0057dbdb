// A target that never answers holds its own events up, and nobody else's.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { acceptEvents } from '../../src/core/ledger/accept.ts';
import { waitFor } from '../support/wait.ts';
import { spread } from './client.ts';
import { PATIENCE_MS, type Scene, setup } from './setup.ts';

const WEBHOOKS = 2_000;
const NOTIFICATIONS = 500;
// Each of so many users waits for their own: it is the wait behind the webhooks that counts, not the machine's pace.
const AT_ONCE = 5;
const P99_MAX_MS = 1_000;
// On a machine that is so busy that they are slow without any webhooks, that is the measure.
const BUSY_FACTOR = 3;

/** Sends notifications, one every `paceMs` a user, beside webhooks that hang until their timeout. */
export async function hangBeside(environment: Record<string, string>, paceMs: number): Promise<void> {
  let hanging = 0;
  const target = createServer(() => {
    hanging += 1;
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    target.closeAllConnections();
    target.close();
  });
  const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}/`;
  const scene = await setup({ ...environment, TEM_OUTBOUND_ALLOW: '127.0.0.1' });
  await scene.startWorker();
  const alone = await quickNotifications(scene, 0);
  const webhook = { type: 'webhook', payload: { url, body: {} }, source: 'http' };
  await acceptEvents(
    scene.pool,
    Array.from({ length: WEBHOOKS }, () => webhook),
  );
  await waitFor(() => hanging >= 20, PATIENCE_MS);
  const beside = await quickNotifications(scene, paceMs);
  expect(beside, `without the webhooks ${Math.round(alone)} ms`).toBeLessThan(
    Math.max(P99_MAX_MS, BUSY_FACTOR * alone),
  );
  const { rows: sent } = await scene.pool.query(`select from tem.event where type = 'webhook' and state = 'PROCESSED'`);
  expect(sent).toEqual([]);
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
