// An event whose type no live worker knows waits for one, counted from when a worker last had the type (rule 10).

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { registerWorker } from '../../../src/core/ledger/leases.ts';
import { endUnknownTypes } from '../../../src/core/ledger/refuse.ts';
import { defineEventType, type EventTypeDefinition, Type } from '../../../src/index.ts';
import { createDatabase } from '../../support/database.ts';

const DAY_MS = 86_400_000;

async function setup() {
  const { pool } = await createDatabase();
  const register = async (name: string, further: Pick<EventTypeDefinition, 'compensate'> = {}) => {
    const id = randomUUID();
    const types = [defineEventType({ name, payload: Type.Object({}), handle() {}, ...further })];
    await registerWorker(pool, { id, host: 'test', pid: 1, taskQueue: 'test', types });
    return id;
  };
  const accept = async (type: string): Promise<string> => {
    const [outcome] = await acceptEvents(pool, [{ type, payload: {}, source: 'test' }]);
    return outcome?.id as string;
  };
  const state = async (id: string) =>
    (await pool.query('select state, last_error, compensation_error from tem.event where id = $1', [id])).rows[0];
  return { pool, register, accept, state };
}

/** Makes the event as old as if it had been accepted that long ago. */
const AGE = `update tem.event set created_at = created_at - interval '2 days', due_at = due_at - interval '2 days' where id = $1`;

test('an old event of a type whose only worker has just left waits on', async () => {
  const { pool, register, accept, state } = await setup();
  await register('other');
  const gone = await register('mine');
  const id = await accept('mine');
  await pool.query(AGE, [id]);
  expect(await endUnknownTypes(pool, DAY_MS, 10)).toBe(0);
  await pool.query('delete from tem.worker where id = $1', [gone]);
  expect(await endUnknownTypes(pool, DAY_MS, 10)).toBe(0);
  expect(await state(id)).toMatchObject({ state: 'QUEUED' });
  await pool.query(`update tem.event_type set last_seen_at = last_seen_at - interval '25 hours'`);
  expect(await endUnknownTypes(pool, DAY_MS, 10)).toBe(1);
  expect(await state(id)).toMatchObject({ state: 'EXTINCT', last_error: 'no live worker knew the event type mine' });
});

test('an event that came long after its run_at, of a type that nobody ever knew, waits for its whole time', async () => {
  const { pool, register, accept, state } = await setup();
  await register('other');
  const id = await accept('never-known');
  await pool.query(`update tem.event set due_at = due_at - interval '2 days' where id = $1`, [id]);
  expect(await endUnknownTypes(pool, DAY_MS, 10)).toBe(0);
  await pool.query(AGE, [id]);
  expect(await endUnknownTypes(pool, DAY_MS, 10)).toBe(1);
  expect(await state(id)).toMatchObject({ state: 'EXTINCT' });
});

test('while no worker lives nothing is called unknown', async () => {
  const { pool, accept } = await setup();
  await pool.query(AGE, [await accept('never-known')]);
  expect(await endUnknownTypes(pool, DAY_MS, 10)).toBe(0);
});

test('what waits for another attempt, or lost its worker, ends as well and says what was not compensated', async () => {
  const { pool, register, accept, state } = await setup();
  await register('other');
  const gone = await register('mine', { compensate() {} });
  await register('plain');
  const begun = async (type: string, change: string): Promise<string> => {
    const id = await accept(type);
    await pool.query(`update tem.event set begun = true, ${change} where id = $1`, [id]);
    await pool.query(AGE, [id]);
    return id;
  };
  const error = 'no live worker knew the event type mine';
  const failed = await begun('mine', `state = 'FAILED', retry_count = 1, last_error = 'no answer'`);
  const lost = await begun('mine', `state = 'PROCESSING', locked_at = now(), epoch_worker_id = '${gone}'`);
  const cancelled = await begun(
    'mine',
    `state = 'FAILED', compensating = true, cancel_requested = true,
    compensation_error = 'refused'`,
  );
  const plain = await begun('plain', `state = 'FAILED', retry_count = 1`);
  const ended = await begun('mine', `state = 'PROCESSED', due_at = null`);
  const claimed = await begun('mine', `due_at = null, due_by = now() + interval '1 hour'`);
  await pool.query(`delete from tem.worker where not 'other' = any(types)`);
  await pool.query(`update tem.event_type set last_seen_at = last_seen_at - interval '25 hours'`);
  expect(await endUnknownTypes(pool, DAY_MS, 10)).toBe(4);
  expect(await state(failed)).toEqual({
    state: 'EXTINCT',
    last_error: `${error}; before that: no answer`,
    compensation_error: error,
  });
  expect(await state(lost)).toEqual({ state: 'EXTINCT', last_error: error, compensation_error: error });
  expect(await state(cancelled)).toEqual({
    state: 'CANCELLED',
    last_error: null,
    compensation_error: `${error}; before that: refused`,
  });
  expect(await state(plain)).toMatchObject({ state: 'EXTINCT', compensation_error: null });
  expect(await state(ended)).toMatchObject({ state: 'PROCESSED', last_error: null });
  expect(await state(claimed)).toMatchObject({ state: 'QUEUED', last_error: null });
  const { rows } = await pool.query(
    `select from_state as "from", to_state as "to", error from tem.transition where event_id = any($1) order by 1, 2`,
    [[failed, lost, cancelled]],
  );
  expect(rows).toEqual([
    { from: 'FAILED', to: 'CANCELLED', error },
    { from: 'FAILED', to: 'EXTINCT', error },
    { from: 'PROCESSING', to: 'EXTINCT', error },
  ]);
});
