// The statements of each event and of each second read the few rows that they are about, whatever the ledger holds: also in
// a session whose plans are older than the first events, and before Postgres has statistics.

import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { begin } from '../../../src/core/ledger/begin.ts';
import { type Claimed, claim } from '../../../src/core/ledger/claim.ts';
import { discoverLanes } from '../../../src/core/ledger/discover.ts';
import { freeDeadWorkers } from '../../../src/core/ledger/free.ts';
import { cancelsAmong } from '../../../src/core/ledger/leases.ts';
import { mark, marks } from '../../../src/core/ledger/mark.ts';
import { createPool } from '../../../src/core/ledger/pool.ts';
import { beginSettling, noteUncompensated } from '../../../src/core/ledger/settle.ts';
import { heldRuns } from '../../../src/workers/relay/held.ts';
import { createDatabase } from '../../support/database.ts';

const EVENTS = 5_000;
/** autovacuum_vacuum_threshold of the table; before that Postgres has no statistics of it. */
const FIRST_VACUUM = 5_000;
/** So many runs of a prepared statement make Postgres keep one plan. */
const UNTIL_PLANNED = 10;
const READ_MAX = 50;
const LIMITS = { maxAttempts: 2, dueByMs: 60_000 };

/** An event's way, on one session; resolves to the rows of the ledger that each step read. */
async function walk(session: Pool): Promise<[step: string, read: number][]> {
  const read: [string, number][] = [];
  const step = async <Result>(name: string, call: () => Promise<Result>): Promise<Result> => {
    await session.query('begin');
    const before = await rowsRead(session);
    const result = await call();
    read.push([name, (await rowsRead(session)) - before]);
    await session.query('commit');
    return result;
  };
  const workerId = randomUUID();
  const { lanes } = await step('discover', () => discoverLanes(session, ['note', 'later'], 100));
  const claimOf = (type: string) => {
    const begins = { type, lane: 0, priority: 3, group: '', from: '-infinity', fromId: randomUUID() };
    const [lane] = lanes.filter((each) => each.type === type);
    return claim(session, { workerId, lanes: [lane ?? begins], take: 3, workflowId: undefined });
  };
  const claimed = await step('claim', () => claimOf('note'));
  await step('claim of a lane with much that comes later', () => claimOf('later'));
  const [first, second, third] = [0, 1, 2].map((index) => claimed[index] ?? { id: randomUUID(), generation: 1 }) as [
    Claimed,
    Claimed,
    Claimed,
  ];
  const ids = [first.id, second.id, third.id];
  const request = ({ id, generation }: Claimed) => ({ id, generation, attempt: 1, ...LIMITS });
  await step('held', () => heldRuns(session, [{ workflowId: 'x', claimed: [first, second, third] }]));
  await step('begin', () => begin(session, workerId, [request(first)]));
  await step('begin several', () => begin(session, workerId, [request(second), request(third)]));
  await step('cancels', () => cancelsAmong(session, ids));
  const attempt = ({ id }: Claimed) => ({ id, epoch: 1, actor: 'test' });
  await step('mark', () => mark(session, [marks.processed(attempt(first), null)]));
  await step('mark several', () =>
    mark(session, [marks.settle(attempt(second), 'e', true, false), marks.retry(attempt(third), 'e', 0, true)]),
  );
  const settling = { id: second.id, generation: second.generation, workerId, ...LIMITS, compensates: true };
  await step('settle', () => beginSettling(session, settling));
  const note = { id: second.id, epoch: 2, error: 'e', leaves: false, delayMs: 0, overdueAfterMs: 1_000 };
  await step('uncompensated', () => noteUncompensated(session, note));
  await step('free', () => freeDeadWorkers(session));
  return read;
}

async function rowsRead(session: Pool): Promise<number> {
  const { rows } = await session.query<{ read: number }>(
    `select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_xact_user_tables
     where schemaname = 'tem' and relname in ('event', 'transition')`,
  );
  return rows[0]?.read ?? 0;
}

test.each([
  ['a worker', 'without statistics', true, 0],
  ['a worker', 'with those of a few rows', true, 60],
  // Which keeps the defaults of Postgres; of these statements only marks run there.
  ['a handler', 'without statistics', false, 0],
  ['a handler', 'with those of the first autovacuum', false, FIRST_VACUUM],
])('for %s, %s, none of them reads more of a large ledger than it is about', async (_, __, looksUp, analyzed) => {
  const { databaseUrl, pool } = await createDatabase();
  if (analyzed > 0) {
    await pool.query(`select tem.enqueue('ended', '{}') from generate_series(1, $1)`, [analyzed]);
    await pool.query(`update tem.event set state = 'PROCESSED', due_at = null`);
    await pool.query('vacuum analyze tem.event, tem.transition, tem.worker');
  }
  await pool.query(`alter table tem.event set (autovacuum_enabled = off);
    alter table tem.transition set (autovacuum_enabled = off)`);
  // Its only session.
  const session = createPool(databaseUrl, { max: 1, applicationName: 'tem test', looksUp });
  onTestFinished(() => session.end());
  for (let run = 0; run < UNTIL_PLANNED; run++) await walk(session);
  await acceptEvents(
    pool,
    Array.from({ length: EVENTS }, () => ({ type: 'note', payload: {}, source: 'test' })),
  );
  await pool.query(
    `select tem.enqueue('later', '{}', run_at => now() + n * interval '1 hour') from generate_series(0, $1::int) n`,
    [EVENTS],
  );
  const read = await walk(session);
  const meant = looksUp ? read : read.filter(([step]) => step.startsWith('mark'));
  expect(meant.length).toBeGreaterThan(1);
  expect(meant.filter(([, rows]) => rows > READ_MAX)).toEqual([]);
  // Each of them has done its part.
  const { rows } = await pool.query(
    'select state, count(*)::int from tem.event where type = $1 group by 1 order by 1',
    ['note'],
  );
  expect(rows).toEqual([
    { state: 'FAILED', count: 2 },
    { state: 'PROCESSED', count: 1 },
    { state: 'QUEUED', count: EVENTS - 3 },
  ]);
});
