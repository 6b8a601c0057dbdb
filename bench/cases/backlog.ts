// A backlog of 100,000 that waited in Postgres: the worker's memory, how long claiming takes, and whether the rate falls.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { createApiClient } from '../api-client.ts';
import { type BenchCase, percentile } from '../figures.ts';
import { checkAll, untilAllEnded } from '../ledger.ts';
import { events, notificationEvent } from '../payloads.ts';
import { keepProfile } from '../profile.ts';
import { createClaimProbe, PRELOAD, readStatementTimes, type StatementTime, timesOf } from '../statement-times.ts';
import { startTem } from '../tem.ts';
import { watchWork } from '../work.ts';

const EVENTS = 100_000;
const USERS = 1_000;
const TIMEOUT_MS = 1_200_000;

export const backlog: BenchCase = {
  id: 'backlog',
  title: 'A backlog of 100,000',
  about:
    'Notifications accepted while no worker runs; then one starts. Rates by `processed_at`: the first 10,000 against the last 10,000. Claim times as the worker sees them, its event loop included: the claims of the first tenth of the time against those of the last tenth. The plan is that of a claim in the middle of the run.',
  runsByDefault: 1,
  figures: [
    { id: 'rate', label: 'first to last PROCESSED', unit: 'events/s' },
    { id: 'first', label: 'rate of the first tenth', unit: 'events/s' },
    { id: 'last', label: 'rate of the last tenth', unit: 'events/s' },
    { id: 'fall', label: 'fall of the rate', unit: '%', target: { atMost: 10 } },
    { id: 'memory', label: "worker's memory at most", unit: 'MB', target: { atMost: 500 } },
    { id: 'claimFirst', label: 'claim, median of the first tenth', unit: 'ms' },
    { id: 'claimLast', label: 'claim, median of the last tenth', unit: 'ms' },
    { id: 'claimGrowth', label: 'claim, last to first', unit: 'times', target: { atMost: 1.5 }, remark: 'flat' },
    { id: 'claimP99', label: 'claim, p99 of all', unit: 'ms' },
  ],
  async run(context) {
    const tem = await startTem(context, { worker: false, workerPreload: PRELOAD });
    const api = createApiClient(tem.apiUrl);
    try {
      const count = context.count(EVENTS, 3_000);
      await api.postBatches(events(count, (index) => notificationEvent(`user-${index % USERS}`)));
      const work = watchWork(tem);
      const file = join(tem.folder, 'statement-times');
      await tem.startWorker({ BENCH_STATEMENT_TIMES: file });
      const plan = await planInTheMiddle(tem.pool, count);
      await untilAllEnded(tem.pool, TIMEOUT_MS);
      const memory = tem.workerPeakMb();
      const notes = await work(count);
      await checkAll(tem.pool, 'notification', 'PROCESSED', count);
      const rates = await ratesOf(tem.pool, count);
      await tem.stopWorker();
      return {
        figures: { ...rates, memory, ...claimFigures(readStatementTimes(file)) },
        notes,
        texts: { 'The plan of a claim in the middle of the run': plan, ...keepProfile(context, tem).texts },
      };
    } finally {
      await api.close();
      await tem.stop();
    }
  },
};

async function planInTheMiddle(pool: Pool, count: number): Promise<string> {
  const giveUpAt = performance.now() + TIMEOUT_MS;
  while (performance.now() < giveUpAt) {
    const { rows } = await pool.query<{ left: number }>(
      'select count(*)::int as left from tem.event where due_at is not null',
    );
    const left = rows[0]?.left ?? 0;
    if (left < count / 2) return (await createClaimProbe(pool, 'notification')()) ?? 'nothing was due any more';
    await delay(100);
  }
  throw new Error(`half of the backlog was not done within ${TIMEOUT_MS} ms`);
}

async function ratesOf(pool: Pool, count: number): Promise<Record<'rate' | 'first' | 'last' | 'fall', number>> {
  const tenth = Math.floor(count / 10);
  const { rows } = await pool.query<{ at: number }>(
    `select at from (
       select extract(epoch from processed_at)::float8 as at, row_number() over (order by processed_at) as n from tem.event
     ) ended where n = any($1) order by n`,
    [[1, tenth, count - tenth, count]],
  );
  const [begin = 0, firstEnd = 0, lastBegin = 0, end = 0] = rows.map(({ at }) => at);
  const first = tenth / (firstEnd - begin);
  const last = tenth / (end - lastBegin);
  return { rate: count / (end - begin), first, last, fall: 100 * (1 - last / first) };
}

function claimFigures(
  times: readonly StatementTime[],
): Record<'claimFirst' | 'claimLast' | 'claimGrowth' | 'claimP99', number> {
  const claims = times.filter(({ name }) => name === 'claim');
  const tenth = Math.ceil(claims.length / 10);
  const claimFirst = percentile(timesOf(claims.slice(0, tenth), 'claim'), 0.5);
  const claimLast = percentile(timesOf(claims.slice(-tenth), 'claim'), 0.5);
  return {
    claimFirst,
    claimLast,
    claimGrowth: claimLast / claimFirst,
    claimP99: percentile(timesOf(claims, 'claim'), 0.99),
  };
}
