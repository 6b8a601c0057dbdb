// Thousands of random histories of one event against the real ledger functions and a real Postgres: whatever the order,
// and however old the tokens, only listed transitions happen, and no older attempt or run changes anything.

import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { begin } from '../../../src/core/ledger/begin.ts';
import { type EventState, TRANSITIONS } from '../../../src/core/ledger/states.ts';
import { createDatabase } from '../../support/database.ts';
import { steps } from './history-commands.ts';
import { initialModel } from './history-model.ts';
import { type Real, readRow, type Step } from './history-step.ts';

const CHAINS = 3;
const HISTORIES_PER_CHAIN = 700;
const STEPS_MAX = 30;
const TIMEOUT_MS = 240_000;

const allowed = new Set(TRANSITIONS.map(({ from, to }) => `${from} -> ${to}`));

/** A ledger of its own, because some operations act on every row. Nothing here has to survive a power cut. */
async function setup() {
  const { databaseUrl } = await createDatabase();
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1, options: '-c synchronous_commit=off -c jit=off' });
  // A session that is ending may still hear that its database is dropped.
  pool.on('error', () => {});
  onTestFinished(() => pool.end());
  const workers = [randomUUID(), randomUUID()];
  await pool.query(
    `insert into tem.worker (id, lease_until, host, pid, task_queue, types)
     select id, clock_timestamp() + interval '1 hour', 'test', 1, 'test', types
     from unnest($1::uuid[], $2::text[]) as w(id, type), lateral (select string_to_array(type, ',') as types) t`,
    [
      [...workers, randomUUID()],
      ['undone,plain', 'undone,plain', 'other'],
    ],
  );
  await pool.query(
    `insert into tem.event_type (name, definition, compensates) values ('undone', '{}', true), ('plain', '{}', false)`,
  );
  const reached = new Set<string>();
  return { pool, workers, reached };
}

type Bench = Awaited<ReturnType<typeof setup>>;

async function runHistory(
  { pool, workers, reached }: Bench,
  compensates: boolean,
  history: Iterable<Step>,
): Promise<void> {
  const type = compensates ? 'undone' : 'plain';
  await pool.query(`update tem.worker set lease_until = clock_timestamp() + interval '1 hour'`);
  const { rows } = await pool.query<{ id: string }>(
    `insert into tem.event (type, key, payload) values ($1, gen_random_uuid()::text, '{}') returning id`,
    [type],
  );
  const { id } = rows[0] as { id: string };
  const model = initialModel(compensates);
  const real: Real = {
    pool,
    id,
    type,
    workers,
    attemptEpochs: [],
    settleEpochs: [],
    claims: [],
    row: await readRow(pool, id),
    path: ['QUEUED'],
  };
  try {
    await fc.asyncModelRun(() => ({ model, real }), history as Iterable<fc.AsyncCommand<typeof model, Real>>);
    await compareHistory(real, reached);
  } finally {
    await pool.query('delete from tem.event');
  }
}

/** The kept history: without gaps, only listed transitions, and as many failures as retry_count says. */
async function compareHistory({ pool, id, row, path }: Real, reached: Set<string>): Promise<void> {
  const { rows } = await pool.query<{
    from_state: EventState;
    to_state: EventState;
    version: number;
    error: string | null;
  }>('select from_state, to_state, version, error from tem.transition where event_id = $1 order by version', [id]);
  const seen: string[] = ['QUEUED'];
  let failures = 0;
  for (const { from_state, to_state, version, error } of rows) {
    expect(allowed, `an unlisted transition`).toContain(`${from_state} -> ${to_state}`);
    expect(from_state).toBe(seen.at(-1));
    expect(version).toBeLessThanOrEqual(row.version);
    seen.push(to_state);
    reached.add(`${from_state} -> ${to_state}`);
    if (from_state === 'PROCESSING' && error === 'failed') failures += 1;
    if (from_state === 'EXTINCT') failures = 0;
  }
  expect(seen.at(-1)).toBe(row.state);
  expect(seen.filter((state, index) => state !== seen[index - 1])).toEqual(path);
  expect(row.retry_count).toBe(failures);
}

test(
  'random histories make only the transitions that are listed, and obey only the newest attempt and run',
  async () => {
    const benches = await Promise.all(Array.from({ length: CHAINS }, setup));
    await Promise.all(
      benches.map((bench) =>
        fc.assert(
          fc.asyncProperty(
            fc.boolean(),
            fc.commands(steps, { maxCommands: STEPS_MAX, size: 'max' }),
            (compensates, history) => runHistory(bench, compensates, history),
          ),
          { numRuns: HISTORIES_PER_CHAIN },
        ),
      ),
    );
    const reached = new Set(benches.flatMap((bench) => [...bench.reached]));
    const listed = [...allowed].filter((transition) => !transition.startsWith('null'));
    expect([...reached].sort(), 'a listed transition that no history made').toEqual(listed.sort());
  },
  TIMEOUT_MS,
);

test('an event that kills its worker five times ends as poison, compensated, and no attempt is counted', async () => {
  const { pool, workers } = await setup();
  const { rows } = await pool.query<{ id: string }>(
    `insert into tem.event (type, key, payload) values ('undone', 'k', '{}') returning id`,
  );
  const { id } = rows[0] as { id: string };
  const request = { id, attempt: 1, maxAttempts: 3, dueByMs: 60_000 };
  const lanes: number[] = [];
  for (let crash = 0; crash < 5; crash++) {
    const [answer] = await begin(pool, workers[0] as string, [{ ...request, generation: crash }]);
    expect(answer).toMatchObject({ disposition: 'run', attempt: 1 });
    const {
      rows: [row],
    } = await pool.query('select lane from tem.event');
    lanes.push(row.lane);
    await pool.query(`update tem.worker set lease_until = clock_timestamp() where id = $1`, [workers[0]]);
    // It registers again, as another worker in this place would.
    workers[0] = randomUUID();
    await pool.query(
      `insert into tem.worker (id, lease_until, host, pid, task_queue, types) values ($1, clock_timestamp() + interval '1 hour', 'test', 1, 'test', '{undone}')`,
      [workers[0]],
    );
    // A run that Temporal gives to another worker gives the event back.
    const [again] = await begin(pool, workers[0] as string, [{ ...request, generation: crash }]);
    expect(again).toEqual({ disposition: 'stale' });
  }
  expect(lanes).toEqual([0, 1, 2, 2, 2]);
  const [answer] = await begin(pool, workers[0] as string, [{ ...request, generation: 5 }]);
  expect(answer).toEqual({ disposition: 'settle' });
  const {
    rows: [row],
  } = await pool.query('select state, compensating, retry_count, crash_count, last_error from tem.event');
  expect(row).toMatchObject({
    state: 'FAILED',
    compensating: true,
    retry_count: 0,
    crash_count: 5,
    last_error: expect.stringContaining('killed its worker 5 times'),
  });
});
