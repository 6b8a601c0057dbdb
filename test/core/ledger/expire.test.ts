// Events that have to begin by a time: what waits past it ends, what runs is left alone.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { begin } from '../../../src/core/ledger/begin.ts';
import { endExpired } from '../../../src/core/ledger/expire.ts';
import { retryEvent } from '../../../src/core/ledger/retry.ts';
import { createDatabase } from '../../support/database.ts';

const PAST = new Date(Date.now() - 60_000);
const AHEAD = new Date(Date.now() + 3_600_000);

const { pool } = await createDatabase();
const workerId = randomUUID();
await pool.query(
  `insert into tem.worker (id, lease_until, host, pid, task_queue, types) values ($1, 'infinity', 'here', 1, '', '{}')`,
  [workerId],
);

async function accept(further: object): Promise<string> {
  const [outcome] = await acceptEvents(pool, [{ type: 'note', payload: {}, source: 'test', ...further }]);
  return outcome?.id as string;
}

async function row(id: string) {
  const { rows } = await pool.query('select * from tem.event where id = $1', [id]);
  const { rows: history } = await pool.query(
    'select from_state, to_state, error from tem.transition where event_id = $1 order by version',
    [id],
  );
  return { ...rows[0], history };
}

const claim = (id: string) =>
  pool.query(
    `update tem.event set due_at = null, due_by = clock_timestamp() + interval '1 minute', generation = generation + 1,
       worker_id = $2 where id = $1 returning generation`,
    [id, workerId],
  );
async function beginAttempt(id: string, further: object = {}) {
  const { generation } = await row(id);
  const [answer] = await begin(pool, workerId, [
    { id, generation, attempt: 1, maxAttempts: 3, dueByMs: 60_000, ...further },
  ]);
  return answer;
}

test('what nobody has begun by its time ends EXTINCT, however it waits, and the rest goes on', async () => {
  const late = await accept({ expiresAt: PAST });
  const scheduled = await accept({ expiresAt: PAST, runAt: AHEAD });
  const ahead = await accept({ expiresAt: AHEAD });
  const claimed = await accept({ expiresAt: PAST });
  const without = await accept({});
  await claim(claimed);
  expect(await endExpired(pool, 'test')).toBe(2);
  for (const id of [late, scheduled]) {
    expect(await row(id)).toMatchObject({
      state: 'EXTINCT',
      begun: false,
      last_error: expect.stringMatching(/^expired: an attempt had to begin by 20.*Z$/),
      history: [{ from_state: 'QUEUED', to_state: 'EXTINCT', error: expect.stringContaining('expired') }],
    });
  }
  for (const id of [ahead, claimed, without]) expect(await row(id)).toMatchObject({ state: 'QUEUED' });
  expect(await beginAttempt(claimed)).toEqual({ disposition: 'expired' });
  expect(await row(claimed)).toMatchObject({ state: 'EXTINCT', begun: false, due_by: null, worker_id: null });
});

test('what has run is compensated first, and what runs is left alone', async () => {
  const failed = await accept({ expiresAt: AHEAD });
  const runs = await accept({ expiresAt: AHEAD });
  for (const id of [failed, runs]) {
    await claim(id);
    expect(await beginAttempt(id)).toMatchObject({ disposition: 'run' });
  }
  await pool.query(
    `update tem.event set state = 'FAILED', retry_count = 1, next_retry_at = clock_timestamp() + interval '1 hour',
       worker_id = null, locked_at = null where id = $1`,
    [failed],
  );
  await pool.query('update tem.event set expires_at = $1 where id = any($2::uuid[])', [PAST, [failed, runs]]);
  expect(await endExpired(pool, 'test')).toBe(1);
  expect(await row(failed)).toMatchObject({
    state: 'FAILED',
    compensating: true,
    last_error: expect.stringContaining('expired'),
  });
  expect((await row(failed)).due_at).not.toBeNull();
  expect(await row(runs)).toMatchObject({ state: 'PROCESSING' });
});

test('a time to live counts from runAt, also for events that SQL accepted, and a revived event runs', async () => {
  const id = await accept({ runAt: AHEAD, ttlMs: 1_000 });
  const { expires_at: expiresAt } = await row(id);
  expect(expiresAt.getTime() - AHEAD.getTime()).toBe(1_000);
  const { rows } = await pool.query(
    `select tem.enqueue('note', '{}') as id, tem.enqueue('note', '{}', expires_at => now()) as past`,
  );
  const [{ id: bySql, past }] = rows;
  await claim(bySql);
  await pool.query(
    `update tem.event set created_at = now() - interval '1 minute', run_at = now() - interval '1 minute' where id = $1`,
    [bySql],
  );
  expect(await beginAttempt(bySql, { ttlMs: 1_000 })).toEqual({ disposition: 'expired' });
  expect(await endExpired(pool, 'test')).toBe(1);
  expect(await row(past)).toMatchObject({ state: 'EXTINCT' });
  expect(await retryEvent(pool, bySql, 'test')).toMatchObject({ outcome: 'done' });
  await claim(bySql);
  expect(await beginAttempt(bySql, { ttlMs: 1_000 })).toMatchObject({ disposition: 'run' });
});
