// Claiming while somebody's snapshot is open, which keeps dead rows from being removed.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type ApiClient, createApiClient } from '../api-client.ts';
import type { BenchContext } from '../context.ts';
import { type BenchCase, percentile } from '../figures.ts';
import { untilAllEnded } from '../ledger.ts';
import { events, notificationEvent } from '../payloads.ts';
import {
  type ClaimProbe,
  createClaimProbe,
  executionMs,
  PRELOAD,
  readStatementTimes,
  timesOf,
} from '../statement-times.ts';
import { startTem, type Tem } from '../tem.ts';
import { watchWork } from '../work.ts';

const BEFORE = 15_000;
const UNDER = 60_000;
const USERS = 1_000;
const TIMEOUT_MS = 1_200_000;
const LONG_MS = 30 * 60_000;
const LONG_BASE_MS = 2 * 60_000;
// Every second, so that the queue is never far from empty and the claims are those of a steady load.
const SLICE_MS = 1_000;
const SLICE = 500;
const PROBE_EVERY_MS = 500;

export const oldSnapshot: BenchCase = {
  id: 'old-snapshot',
  title: 'Claims under an old snapshot',
  about:
    'Notifications at 500 a second (a call each second). First without, then under a REPEATABLE READ transaction that read the table at the beginning and stays open: for 60,000 events, or for 30 minutes with --long. p99 of the claims of the last half under the snapshot, when the dead rows are most, against those without, as the worker sees them; and the median that a claim took in Postgres alone, probed twice a second in a transaction that is rolled back.',
  runsByDefault: 1,
  figures: [
    { id: 'base', label: 'claim p99 without the snapshot', unit: 'ms' },
    { id: 'under', label: 'claim p99 under the snapshot, last half', unit: 'ms' },
    { id: 'ratio', label: 'under to without', unit: 'times', target: { atMost: 2 } },
    { id: 'discoverBase', label: 'looking for lanes, p99 without', unit: 'ms' },
    { id: 'discoverUnder', label: 'looking for lanes, p99 under', unit: 'ms' },
    { id: 'probeBase', label: 'claim in Postgres alone, median without', unit: 'ms' },
    { id: 'probeUnder', label: 'claim in Postgres alone, median under', unit: 'ms' },
  ],
  async run(context) {
    const tem = await startTem(context, { worker: false, workerPreload: PRELOAD });
    const api = createApiClient(tem.apiUrl);
    const snapshot = new pg.Client({ connectionString: tem.databaseUrl });
    await snapshot.connect();
    try {
      const file = join(tem.folder, 'statement-times');
      await tem.startWorker({ BENCH_STATEMENT_TIMES: file });
      const worked = watchWork(tem);
      const probe = createClaimProbe(tem.pool, 'notification');
      // Start-up is not what this is about.
      await steady(tem, api, probe, context.count(5, 1));
      const baseFromMs = Date.now();
      const baseProbes = await steady(tem, api, probe, slices(context, BEFORE, LONG_BASE_MS));
      const baseToMs = Date.now();
      await snapshot.query('begin isolation level repeatable read');
      await snapshot.query('select count(*) from tem.event');
      const openedAtMs = Date.now();
      const probes = await steady(tem, api, probe, slices(context, UNDER, LONG_MS));
      const closedAtMs = Date.now();
      const plan = await claimPlanOfAFew(api, probe);
      await snapshot.query('commit');
      await untilAllEnded(tem.pool, TIMEOUT_MS);
      const { rows } = await tem.pool.query<{ count: number }>('select count(*)::int as count from tem.event');
      const notes = await worked(rows[0]?.count ?? 0);
      await tem.stopWorker();
      const times = readStatementTimes(file);
      const base = times.filter(({ at }) => at >= baseFromMs && at <= baseToMs);
      const under = times.filter(({ at }) => at >= (openedAtMs + closedAtMs) / 2 && at <= closedAtMs);
      const p99 = (of: typeof times, name: 'claim' | 'discover-lanes'): number => percentile(timesOf(of, name), 0.99);
      return {
        figures: {
          base: p99(base, 'claim'),
          under: p99(under, 'claim'),
          ratio: p99(under, 'claim') / p99(base, 'claim'),
          discoverBase: p99(base, 'discover-lanes'),
          discoverUnder: p99(under, 'discover-lanes'),
          probeBase: percentile(baseProbes, 0.5),
          probeUnder: percentile(probes.slice(probes.length / 2), 0.5),
        },
        notes: {
          'claims without': timesOf(base, 'claim').length,
          'claims under, last half': timesOf(under, 'claim').length,
          'snapshot open, s': Math.round((closedAtMs - openedAtMs) / 1_000),
          ...notes,
        },
        texts: { 'The plan of a claim at the end, under the snapshot': plan },
      };
    } finally {
      await snapshot.end();
      await api.close();
      await tem.stop();
    }
  },
};

function slices(context: BenchContext, eventCount: number, longMs: number): number {
  return context.long ? Math.ceil(longMs / SLICE_MS) : context.count(Math.ceil(eventCount / SLICE), 4);
}

/** A slice of events each second; resolves to what probed claims took in Postgres, in milliseconds, when all have ended. */
async function steady(tem: Tem, api: ApiClient, probe: ClaimProbe, sliceCount: number): Promise<number[]> {
  const probes: number[] = [];
  let probing = true;
  const probeAgain = async (): Promise<void> => {
    while (probing) {
      const ms = executionMs(await probe());
      if (!Number.isNaN(ms)) probes.push(ms);
      await delay(PROBE_EVERY_MS * (0.5 + Math.random()));
    }
  };
  const probed = probeAgain();
  try {
    const startedAt = performance.now();
    for (let index = 0; index < sliceCount; index++) {
      await delay(Math.max(0, startedAt + index * SLICE_MS - performance.now()));
      await api.postBatches(slice(index));
    }
    await untilAllEnded(tem.pool, TIMEOUT_MS);
  } finally {
    probing = false;
    await probed;
  }
  return probes;
}

function slice(index: number) {
  return events(SLICE, (position) => notificationEvent(`user-${(index * SLICE + position) % USERS}`));
}

async function claimPlanOfAFew(api: ApiClient, probe: ClaimProbe): Promise<string> {
  await api.postBatches(slice(0));
  return (await probe()) ?? 'nothing was due any more';
}
