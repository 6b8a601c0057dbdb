// Retention: what ended long ago is emptied to a tombstone of its key, in bounded slices; nothing else is touched (rule 14).

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { type AcceptInput, acceptEvents } from '../../../src/core/ledger/accept.ts';
import { prune } from '../../../src/core/ledger/prune.ts';
import { retryEvent } from '../../../src/core/ledger/retry.ts';
import { createDatabase } from '../../support/database.ts';
import { rowsReadBy, workerSession } from '../../support/reads.ts';
import { waitFor } from '../../support/wait.ts';

const DAY_MS = 24 * 3_600_000;
const RETENTION_MS = 30 * DAY_MS;
const KEY_RETENTION_MS = 90 * DAY_MS;
const RETENTION = { retentionMs: RETENTION_MS, keyRetentionMs: KEY_RETENTION_MS };
const SLICE = 1_000;
const SLICES = 3;
const TURN = SLICES * SLICE;

interface Row {
  state: string;
  payload: unknown;
  result: unknown;
  last_error: string | null;
  pruned: boolean;
}

const ACCEPTED_BEFORE = `overlay(replace(gen_random_uuid()::text, '-', '') placing
  lpad(to_hex((extract(epoch from clock_timestamp()) * 1000 - $1)::bigint), 12, '0') from 1 for 12)::uuid`;

async function setup() {
  const { pool } = await createDatabase();
  return {
    pool,
    /** An event that was accepted and came into its state so many days ago, with a history; resolves to its id. */
    async old(
      state: string,
      given: { acceptedDaysAgo: number; endedDaysAgo?: number; key?: string; payload?: unknown },
    ): Promise<string> {
      const { acceptedDaysAgo, endedDaysAgo = acceptedDaysAgo, key, payload = { name: 'Ada' } } = given;
      const { rows } = await pool.query<{ id: string }>(
        `with fresh as materialized (select ${ACCEPTED_BEFORE} as id), ended as (
           insert into tem.event (id, type, key, payload, state, result, last_error, compensation_error, retry_count, version, due_at, due_by, created_at, updated_at)
           select id, 'note', coalesce($2, id::text), $3, $4, '"done"', 'it failed once', 'so did this', 1, 2,
             case when $4 in ('QUEUED', 'FAILED') then now() end, case when $4 = 'PROCESSING' then now() end,
             now() - $1 * interval '1 ms', now() - $5 * interval '1 ms' from fresh returning id)
         select id from ended`,
        [acceptedDaysAgo * DAY_MS, key ?? null, JSON.stringify(payload), state, endedDaysAgo * DAY_MS],
      );
      const id = rows[0]?.id as string;
      await pool.query(
        `insert into tem.transition (event_id, version, from_state, to_state, actor) values ($1, 2, 'QUEUED', $2, 'test')`,
        [id, state],
      );
      return id;
    },
    row: async (id: string): Promise<Row | undefined> =>
      (await pool.query<Row>('select * from tem.event where id = $1', [id])).rows[0],
    history: async (id: string): Promise<number> =>
      (await pool.query('select from tem.transition where event_id = $1', [id])).rowCount ?? 0,
    pruned: async (): Promise<number> => (await pool.query('select from tem.event where pruned')).rowCount ?? 0,
  };
}

const note = (key: string, payload: unknown): AcceptInput => ({ type: 'note', key, payload, source: 'test' });

test('an ended event leaves its key behind, which still tells a repeat from another payload', async () => {
  const { pool, old, row, history } = await setup();
  for (const state of ['PROCESSED', 'EXTINCT', 'CANCELLED']) {
    const payload = { name: 'Ada', card: 'secret of the person' };
    const id = await old(state, { acceptedDaysAgo: 31, key: state, payload });
    expect(await prune(pool, RETENTION)).toBe(1);
    const left = await row(id);
    expect(left).toMatchObject({ state, pruned: true, result: null, last_error: null, compensation_error: null });
    expect(JSON.stringify(left)).not.toMatch(/Ada|secret of the person/);
    expect(await history(id)).toBe(0);
    expect(await acceptEvents(pool, [note(state, payload), note(state, { name: 'Bob' })])).toEqual([
      { status: 'duplicate', id },
      { status: 'conflict', id },
    ]);
    expect(await retryEvent(pool, id, 'test')).toMatchObject({ outcome: 'conflict' });
    // A second turn finds nothing to do.
    expect(await prune(pool, RETENTION)).toBe(0);
  }
});

test('an ended event whose caller chose no key is gone with its history', async () => {
  const { pool, old, row, history } = await setup();
  const id = await old('PROCESSED', { acceptedDaysAgo: 31 });
  expect(await prune(pool, RETENTION)).toBe(1);
  expect(await row(id)).toBeUndefined();
  expect(await history(id)).toBe(0);
});

test('what is unfinished, or ended within the retention, stays as it is however old it is', async () => {
  const { pool, old, row, history } = await setup();
  const kept = [
    await old('QUEUED', { acceptedDaysAgo: 400 }),
    await old('FAILED', { acceptedDaysAgo: 400 }),
    await old('PROCESSING', { acceptedDaysAgo: 400, key: 'chosen' }),
    await old('PROCESSED', { acceptedDaysAgo: 400, endedDaysAgo: 29, key: 'late' }),
    await old('EXTINCT', { acceptedDaysAgo: 29 }),
  ];
  const before = await Promise.all(kept.map(row));
  expect(await prune(pool, RETENTION)).toBe(0);
  expect(await Promise.all(kept.map(row))).toEqual(before);
  expect(await Promise.all(kept.map(history))).toEqual([1, 1, 1, 1, 1]);
  // It is found when its time has come.
  await pool.query(`update tem.event set updated_at = now() - interval '31 days' where key = 'late'`);
  expect(await prune(pool, RETENTION)).toBe(1);
});

test('a type may keep its events for longer than the others, or for less long', async () => {
  const { pool, old, row } = await setup();
  const id = await old('PROCESSED', { acceptedDaysAgo: 61 });
  const ofTypes = [
    { name: 'note', retentionMs: 90 * DAY_MS },
    { name: 'other', retentionMs: RETENTION_MS },
  ];
  expect(await prune(pool, { ...RETENTION, ofTypes })).toBe(0);
  expect(await row(id)).toMatchObject({ state: 'PROCESSED' });
  expect(
    await prune(pool, {
      ...RETENTION,
      retentionMs: 90 * DAY_MS,
      ofTypes: [{ name: 'note', retentionMs: 60 * DAY_MS }],
    }),
  ).toBe(1);
  expect(await row(id)).toBeUndefined();
});

test('one turn walks a bounded part of the ledger, and the next goes on from there', async () => {
  const { pool, pruned } = await setup();
  const many = TURN + SLICE + 1;
  await pool.query(
    `insert into tem.event (id, type, key, payload, state, due_at, updated_at)
     select ${ACCEPTED_BEFORE}, 'note', 'key ' || n, '{}', 'PROCESSED', null, now() - $1 * interval '1 ms'
     from generate_series(1, $2) n`,
    [31 * DAY_MS, many],
  );
  expect(await prune(pool, { ...RETENTION, slicesMax: SLICES })).toBe(TURN);
  expect(await pruned()).toBe(TURN);
  expect(await prune(pool, RETENTION)).toBe(SLICE + 1);
  expect(await pruned()).toBe(many);
});

test('an event that is revived at that very moment is neither deleted nor emptied', async () => {
  const { pool, old, row, history } = await setup();
  const [chosen, own] = [
    await old('EXTINCT', { acceptedDaysAgo: 31, key: randomUUID() }),
    await old('EXTINCT', { acceptedDaysAgo: 31 }),
  ];
  const person = await pool.connect();
  onTestFinished(() => person.release(true));
  await person.query('begin');
  for (const id of [chosen, own])
    expect(await retryEvent(person as unknown as pg.Pool, id, 'test')).toMatchObject({ state: 'QUEUED' });
  // It has looked at the rows as they were, whether it waits for them or passes them over.
  let over = false;
  const pruning = prune(pool, RETENTION).finally(() => {
    over = true;
  });
  await waitFor(async () => {
    const { rowCount } = await pool.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return over || rowCount;
  });
  await person.query('commit');
  await pruning;
  for (const id of [chosen, own]) {
    expect(await row(id)).toMatchObject({ state: 'QUEUED', payload: { name: 'Ada' }, pruned: false });
    expect(await history(id)).toBe(2);
  }
});

test('what a key left behind goes after a time of its own, counted from the end of the event', async () => {
  const { pool, old, row } = await setup();
  const [young, gone] = [
    await old('PROCESSED', { acceptedDaysAgo: 89, key: 'young' }),
    await old('PROCESSED', { acceptedDaysAgo: 91, key: 'gone' }),
  ];
  await prune(pool, RETENTION);
  expect(await row(young)).toMatchObject({ pruned: true });
  expect(await row(gone)).toBeUndefined();
  expect(await acceptEvents(pool, [note('young', 1), note('gone', 1)])).toMatchObject([
    { status: 'conflict', id: young },
    { status: 'accepted' },
  ]);
});

test('it reads what it deletes, and nothing of the rest', async () => {
  const { databaseUrl, pool } = await createDatabase();
  const session = workerSession(databaseUrl);
  const add = (count: number, daysAgo: number, keyed: boolean, isPruned: boolean) =>
    pool.query(
      `insert into tem.event (id, type, key, payload, state, due_at, updated_at, pruned)
       select id, 'note', case when $3 then 'key ' || n || ' ' || $2::int else id::text end, '{}', 'PROCESSED', null,
         now() - $2::int * interval '1 day', $4 from (select n, tem.uuid_v7() as id from generate_series(1, $1::int) n) fresh`,
      [count, daysAgo, keyed, isPruned],
    );
  await add(5_000, 10, false, false);
  await add(5_000, 60, true, true);
  expect(await rowsReadBy(session, () => prune(session, RETENTION))).toBeLessThan(20);
  await add(30, 31, false, false);
  await add(30, 32, true, false);
  await add(30, 91, true, true);
  expect(await rowsReadBy(session, async () => expect(await prune(session, RETENTION)).toBe(90))).toBeLessThan(700);
});
