// Flow limits over three real workers, counted at a receiver.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { type FlowRow, putFlow } from '../../../src/core/flows/index.ts';
import { PERIOD_MS, type RatePer } from '../../../src/core/flows/rules.ts';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { createDatabase } from '../../support/database.ts';
import { testEnvironment } from '../../support/environment.ts';
import { startTem } from '../../support/processes.ts';
import { createNamespace } from '../../support/temporal.ts';
import { waitFor } from '../../support/wait.ts';

const TYPES = fileURLToPath(new URL('./types.ts', import.meta.url));
const OBEYED_WITHIN_MS = 2_000;

interface Arrival {
  atMs: number;
  group: string;
}

async function setup() {
  const database = await createDatabase();
  const temporal = await createNamespace();
  const arrivals: Arrival[] = [];
  let inside = 0;
  let mostInside = 0;
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://receiver');
    arrivals.push({ atMs: performance.now(), group: searchParams.get('group') ?? '' });
    inside += 1;
    mostInside = Math.max(mostInside, inside);
    setTimeout(() => response.end(), Number(searchParams.get('holdMs')));
    response.on('close', () => {
      inside -= 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const workers = Array.from({ length: 3 }, () => {
    const worker = startTem(['worker'], testEnvironment(database, temporal, { TEM_EVENT_TYPES: TYPES }));
    afterAll(() => worker.stop());
    return worker;
  });
  await Promise.all(workers.map((worker) => worker.ready()));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { pool } = database;
  return {
    pool,
    workers,
    arrivals,
    inside: () => ({ now: inside, most: mostInside }),
    forget: () => {
      arrivals.length = 0;
      mostInside = inside;
    },
    put: (flow: Partial<FlowRow>) =>
      putFlow(pool, { type: 'call', group: '', paused: false, maxInFlight: null, rate: null, ...flow }),
    send: (count: number, payload: object = {}, { type = 'call', group = '' } = {}) =>
      acceptEvents(
        pool,
        Array.from({ length: count }, () => ({
          type,
          payload: { url, ...payload },
          source: 'test',
          ...(group !== '' && { group }),
        })),
      ),
    left: async () => {
      const { rows } = await pool.query<{ count: number }>(
        `select count(*)::int as count from tem.event where state not in ('PROCESSED', 'EXTINCT', 'CANCELLED')`,
      );
      return rows[0]?.count ?? 0;
    },
  };
}

const scene = await setup();

beforeEach(async () => {
  await scene.pool.query('delete from tem.event');
  await scene.pool.query('delete from tem.flow');
  scene.forget();
});

function mostInAWindow(arrivals: readonly Arrival[], per: RatePer): number {
  const times = arrivals.map(({ atMs }) => atMs).sort((a, b) => a - b);
  let first = 0;
  return times.reduce((most, time, index) => {
    while ((times[first] as number) <= time - PERIOD_MS[per]) first += 1;
    return Math.max(most, index - first + 1);
  }, 0);
}

test('three workers, retries counted, never make more calls in a second than the rate', async () => {
  const { put, send, left, arrivals } = scene;
  await put({ rate: { limit: 20, per: 'second' } });
  await put({ type: 'flood', rate: { limit: 20, per: 'second' } });
  await send(60, { fails: 1 });
  await waitFor(async () => (await left()) === 0, 60_000);
  expect(arrivals).toHaveLength(120);
  expect(mostInAWindow(arrivals, 'second')).toBeLessThanOrEqual(20);
  scene.forget();
  await send(100, {}, { type: 'flood' });
  await waitFor(async () => (await left()) === 0, 60_000);
  expect(arrivals).toHaveLength(100);
  expect(mostInAWindow(arrivals, 'second')).toBeLessThanOrEqual(20);
});

test('a pause is obeyed within two seconds, and so is its end; other groups go on', async () => {
  const { put, send, left, arrivals } = scene;
  await put({ group: 'halted', paused: true });
  await send(200, {}, { group: 'halted' });
  await send(20, {}, { group: 'other' });
  await waitFor(() => arrivals.filter(({ group }) => group === 'other').length === 20);
  expect(arrivals.every(({ group }) => group === 'other')).toBe(true);
  const resumedAtMs = performance.now();
  await put({ group: 'halted' });
  const first = await waitFor(() => arrivals.find(({ group }) => group === 'halted'));
  expect(first.atMs - resumedAtMs).toBeLessThan(OBEYED_WITHIN_MS);
  await put({ paused: true });
  const pausedAtMs = performance.now();
  await waitFor(() => performance.now() - pausedAtMs > OBEYED_WITHIN_MS);
  const seen = arrivals.length;
  const before = await left();
  await waitFor(() => performance.now() - pausedAtMs > 2 * OBEYED_WITHIN_MS);
  expect(arrivals.length).toBe(seen);
  expect(await left()).toBe(before);
  await put({});
  await waitFor(async () => (await left()) === 0, 60_000);
});

test('no more than the bound are in flight over all workers, and groups without room crowd nobody out', async () => {
  const { put, send, left, arrivals, inside } = scene;
  await put({ maxInFlight: 3 });
  await send(40, { holdMs: 50 });
  await waitFor(async () => (await left()) === 0, 60_000);
  expect(inside().most).toBeLessThanOrEqual(3);
  expect(inside().most).toBeGreaterThan(1);
  scene.forget();
  await put({});
  for (let group = 0; group < 30; group += 1) {
    await put({ group: `slow-${group}`, rate: { limit: 1, per: 'minute' } });
    await send(20, {}, { group: `slow-${group}` });
  }
  await send(50, {}, { group: 'quick' });
  await waitFor(() => arrivals.filter(({ group }) => group === 'quick').length === 50, 20_000);
  const slow = arrivals.filter(({ group }) => group !== 'quick');
  expect(slow.length).toBeLessThanOrEqual(30);
});
