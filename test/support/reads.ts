// What statements read of an index, also while an old snapshot keeps in it what nobody else sees.

import type { Pool, PoolClient } from 'pg';
import { onTestFinished } from 'vitest';
import { createPool } from '../../src/core/ledger/pool.ts';

/** A worker's only session, so that what it reads can be counted; it ends with the test. */
export function workerSession(databaseUrl: string): Pool {
  const session = createPool(databaseUrl, { max: 1, applicationName: 'tem test', looksUp: true });
  onTestFinished(() => session.end());
  return session;
}

/** Calls in a transaction of the session; resolves also to how many entries of the index that read. */
export async function entriesReadBy<Result>(
  session: Pool,
  index: 'event_claim' | 'event_owned',
  call: () => Promise<Result>,
): Promise<{ result: Result; read: number }> {
  await session.query('begin');
  const before = await entriesRead(session, index);
  const result = await call();
  const read = (await entriesRead(session, index)) - before;
  await session.query('commit');
  return { result, read };
}

async function entriesRead(session: Pool, index: string): Promise<number> {
  const { rows } = await session.query<{ read: number }>(
    `select pg_stat_get_xact_tuples_returned($1::regclass)::int as read`,
    [`tem.${index}`],
  );
  return rows[0]?.read ?? 0;
}

/**
 * Calls in a transaction of the session, its pool's only one; resolves to how much of a table that read, in rows and
 * entries of its indexes.
 */
export async function rowsReadBy(session: Pool, call: () => Promise<unknown>, table = 'tem.event'): Promise<number> {
  await session.query('begin');
  const before = await readOf(session, table);
  await call();
  const read = (await readOf(session, table)) - before;
  await session.query('commit');
  return read;
}

async function readOf(session: Pool, table: string): Promise<number> {
  const { rows } = await session.query<{ read: number }>(
    `select (pg_stat_get_xact_tuples_returned($1::regclass) + sum(pg_stat_get_xact_tuples_returned(indexrelid)))::int
       as read from pg_index where indrelid = $1::regclass`,
    [table],
  );
  return rows[0]?.read ?? 0;
}

/** A transaction that has a snapshot, open until the test ends or commits it. */
export async function openSnapshot(pool: Pool): Promise<PoolClient> {
  const client = await pool.connect();
  onTestFinished(() => client.release(true));
  await client.query('begin isolation level repeatable read');
  await client.query('select count(*) from tem.event');
  return client;
}
