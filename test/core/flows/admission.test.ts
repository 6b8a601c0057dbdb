// How the relay's claims use a rate: the longer the way from a claim to its attempt, the further ahead are its instants, and
// none of those between is lost.

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createWorkerFlows } from '../../../src/core/flows/index.ts';
import { putFlow } from '../../../src/core/flows/store.ts';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { createDatabase } from '../../support/database.ts';

const log = pino({ level: 'silent' });
const LANE = { type: 'call', group: '' };
const PER_MINUTE = 600;
const WARM_MS = 1_500;
const WATCHED_MS = 3_000;

test('a rate is used up by claims whose attempts begin 400 ms later', async () => {
  const { pool, databaseUrl } = await createDatabase();
  await putFlow(pool, { ...LANE, paused: false, maxInFlight: null, rate: { limit: PER_MINUTE, per: 'minute' } });
  const listener = createListener(databaseUrl, log);
  const { admission, start, stop } = createWorkerFlows({ workerId: randomUUID(), pool, listener, log });
  await start();
  onTestFinished(async () => {
    await stop();
    await listener.stop();
  });
  const times: number[] = [];
  const attempts: Promise<void>[] = [];
  const attempt = async (id: string): Promise<void> => {
    // The way to the attempt, as of a busy machine: what is measured here, nothing that is waited for.
    await pause(400);
    const leave = await admission.enter(id, LANE.type);
    if (leave) times.push(performance.now());
    leave?.();
  };
  const until = performance.now() + WARM_MS + WATCHED_MS;
  while (performance.now() < until) {
    const pass = await admission.pass([LANE], 40);
    const rows = Array.from({ length: pass?.lanes.length ? pass.take : 0 }, () => ({ id: randomUUID(), group: '' }));
    pass?.claimed(rows);
    attempts.push(...rows.map(({ id }) => attempt(id)));
    await pause(Math.min(50, Math.max(5, admission.openAtMs(LANE) - performance.now())));
  }
  await Promise.all(attempts);
  const from = until - WATCHED_MS;
  const used = times.filter((time) => time >= from && time < until).length;
  // Before, it was half of it.
  expect(used / (WATCHED_MS / 60_000)).toBeGreaterThan(0.85 * PER_MINUTE);
});
