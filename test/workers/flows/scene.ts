// Three real workers and a receiver that counts what reaches it, for tests of flow limits.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { type FlowRow, putFlow } from '../../../src/core/flows/index.ts';
import { PERIOD_MS, type RatePer } from '../../../src/core/flows/rules.ts';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { createDatabase } from '../../support/database.ts';
import { testEnvironment } from '../../support/environment.ts';
import { startTem } from '../../support/processes.ts';
import { createNamespace } from '../../support/temporal.ts';

const TYPES = fileURLToPath(new URL('./types.ts', import.meta.url));

export interface Arrival {
  atMs: number;
  group: string;
}

export async function createFlowScene() {
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

/** The most that arrived in any sliding second or minute. */
export function mostInAWindow(arrivals: readonly Arrival[], per: RatePer): number {
  const times = arrivals.map(({ atMs }) => atMs).sort((a, b) => a - b);
  let first = 0;
  return times.reduce((most, time, index) => {
    while ((times[first] as number) <= time - PERIOD_MS[per]) first += 1;
    return Math.max(most, index - first + 1);
  }, 0);
}
