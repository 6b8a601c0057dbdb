// Whatever TEM does to several events of the ledger passes over a row that somebody's open transaction holds, and what is
// about that one row gives up soon, to come again.

import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cancelEvent } from '../../../src/core/ledger/cancel.ts';
import { type Claimed, claim, giveBack, unclaim } from '../../../src/core/ledger/claim.ts';
import { discoverLanes } from '../../../src/core/ledger/discover.ts';
import { free, freeAllRuns, freeDeadWorkers, freeForOwnRun } from '../../../src/core/ledger/free.ts';
import { forgetGoneWorkers, registerWorker } from '../../../src/core/ledger/leases.ts';
import { noteAfterEnd } from '../../../src/core/ledger/note.ts';
import { isLocked } from '../../../src/core/ledger/pool.ts';
import { prune } from '../../../src/core/ledger/prune.ts';
import { endUnknownTypes, refuseQueued } from '../../../src/core/ledger/refuse.ts';
import { retryEvent } from '../../../src/core/ledger/retry.ts';
import { createDatabase } from '../../support/database.ts';
import { workerSession } from '../../support/reads.ts';
import { typeOf } from '../../workers/relay/bench.ts';

const EVENTS = 5;
const WITHIN_MS = 1_900;
const DAY_MS = 24 * 3_600_000;

/** Claimed events, and a session as a worker has. */
async function setup() {
  const { databaseUrl, pool } = await createDatabase();
  const session = workerSession(databaseUrl);
  const workerId = randomUUID();
  await pool.query(`select tem.enqueue('note', '{}', priority => 1 + n % 5) from generate_series(1, $1) n`, [EVENTS]);
  const { lanes } = await discoverLanes(session, ['note'], EVENTS);
  const claimed = await claim(session, { workerId, lanes, take: EVENTS, workflowId: undefined });
  // The first in the order of ids, so that what waits for it has done nothing yet.
  claimed.sort((a, b) => (a.id < b.id ? -1 : 1));
  const [held] = claimed as [Claimed, ...Claimed[]];
  return { pool, session, workerId, claimed, held };
}

async function lock(pool: Pool, text: string, values: unknown[] = []): Promise<void> {
  const client = await pool.connect();
  onTestFinished(() => client.release(true));
  await client.query('begin');
  await client.query(`${text} for update`, values);
}

async function soon<Result>(work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now();
  try {
    return await work();
  } finally {
    expect(performance.now() - startedAt).toBeLessThan(WITHIN_MS);
  }
}

const DONE = {
  free: { sql: 'due_at is not null', work: ({ session, claimed }) => free(session, claimed) },
  'free for a run of its own': {
    sql: 'due_at is not null',
    work: ({ session, claimed }) => freeForOwnRun(session, claimed),
  },
  'put back': { sql: 'due_at is not null', work: ({ session, claimed }) => unclaim(session, claimed, 0) },
  'free those of dead workers': { sql: 'due_at is not null', work: ({ session }) => freeDeadWorkers(session) },
  'free all runs': {
    sql: 'due_at is not null',
    work: ({ session }) => freeAllRuns(session, new Date(Date.now() + DAY_MS)),
  },
  refuse: {
    sql: `state = 'EXTINCT'`,
    work: ({ session, claimed }) =>
      refuseQueued(
        session,
        claimed.map((each) => ({ ...each, error: 'e' })),
        'test',
      ),
  },
  'note after the end': {
    sql: 'last_error is not null',
    work: async ({ pool, session, claimed }) => {
      await pool.query(`update tem.event set state = 'FAILED' where id <> $1`, [claimed[0]?.id]);
      await noteAfterEnd(session, claimed, 'left behind');
    },
  },
} satisfies Record<string, { sql: string; work(given: Awaited<ReturnType<typeof setup>>): Promise<unknown> }>;

describe('a row that somebody holds', () => {
  test.each(Object.entries(DONE))('is passed over: %s', async (_, { sql, work }) => {
    const given = await setup();
    await lock(given.pool, 'select from tem.event where id = $1', [given.held.id]);
    await soon(() => (work as (all: typeof given) => Promise<unknown>)(given));
    const { rows } = await given.pool.query<{ id: string }>(`select id from tem.event where ${sql} order by id`);
    expect(rows.map(({ id }) => id)).toEqual(given.claimed.slice(1).map(({ id }) => id));
  });

  test('is passed over by retention', async () => {
    const { pool, session, held } = await setup();
    await pool.query(
      `update tem.event set state = 'PROCESSED', due_by = null, updated_at = now() - interval '40 days',
         id = ('00000000' || substr(id::text, 9))::uuid, key = '00000000' || substr(key, 9)`,
    );
    await lock(pool, 'select from tem.event where key = $1', [`00000000${held.key.slice(8)}`]);
    expect(await soon(() => prune(session, { retentionMs: 30 * DAY_MS, keyRetentionMs: 90 * DAY_MS }))).toBe(
      EVENTS - 1,
    );
  });

  test('of a gone worker, or of a type, holds up neither other workers nor the start of one', async () => {
    const { pool, session } = await setup();
    const types = ['a', 'b'].map((name) => typeOf(name));
    const register = (id: string) => registerWorker(session, { id, host: 'x', pid: 1, taskQueue: 'x', types });
    const gone = randomUUID();
    await register(gone);
    await register(randomUUID());
    await pool.query(`update tem.worker set lease_until = now() - interval '2 days'`);
    await pool.query(`update tem.event_type set last_seen_at = now() - interval '1 day'`);
    await lock(pool, 'select from tem.worker where id = $1', [gone]);
    await lock(pool, `select from tem.event_type where name = 'a'`);
    await soon(() => forgetGoneWorkers(session));
    expect((await pool.query('select id from tem.worker')).rows).toEqual([{ id: gone }]);
    await soon(() => register(randomUUID()));
    await soon(() => endUnknownTypes(session, DAY_MS, 10));
    const seen = await pool.query(`select name from tem.event_type where last_seen_at > now() - interval '1 hour'`);
    expect(seen.rows).toEqual([{ name: 'b' }]);
  });

  test('is neither cancelled nor retried, which its caller hears soon, nor given back by its run', async () => {
    const { pool, session, held } = await setup();
    await lock(pool, 'select from tem.event where id = $1', [held.id]);
    for (const change of [cancelEvent, retryEvent]) {
      const refused = await soon(() => change(session, held.id, 'test').catch((error: unknown) => error));
      expect(isLocked(refused)).toBe(true);
    }
    expect(await soon(() => giveBack(session, held, 0))).toBe(false);
  });
});
