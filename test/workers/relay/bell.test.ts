// The bell: when a relay may sleep long, and which relay's word counts (rule 11).

import { expect, it, onTestFinished } from 'vitest';
import { createBell } from '../../../src/workers/relay/bell.ts';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';

const FOR_MS = 10_000;

it('lets a relay sleep long once it has looked after everything silent was over', async () => {
  const { pool } = await createDatabase();
  const bell = createBell(pool);
  expect(await bell.arm(FOR_MS, true)).toBe(false);
  expect(await bell.arm(FOR_MS, true)).toBe(false);
  // Transactions in other databases of the server count too.
  await waitFor(() => bell.arm(FOR_MS, true));
  expect(await bell.arm(FOR_MS, false), 'it has not looked').toBe(false);
  expect(await bell.arm(FOR_MS, true)).toBe(true);
  await bell.silence();
  expect(await bell.arm(FOR_MS, true), 'it begins anew after a ring').toBe(false);
});

it('waits for a transaction that asked before the bell was armed, and for no later one', async () => {
  const { pool } = await createDatabase();
  const bell = createBell(pool);
  const begin = async () => {
    const client = await pool.connect();
    onTestFinished(() => client.release(true));
    await client.query('begin');
    await client.query(`select tem.enqueue('note', '{}')`);
    return client;
  };
  const older = await begin();
  for (let count = 0; count < 5; count++) expect(await bell.arm(FOR_MS, true)).toBe(false);
  await begin();
  await older.query('commit');
  expect(await bell.arm(FOR_MS, true), 'the commit came after the last look').toBe(false);
  await waitFor(() => bell.arm(FOR_MS, true));
});

it('stays armed for the relay that armed it last', async () => {
  const { pool } = await createDatabase();
  const until = async () => (await pool.query('select last_value::float8 as until from tem.bell')).rows[0].until;
  const [first, second] = [createBell(pool), createBell(pool)];
  await first.arm(FOR_MS, true);
  await second.arm(FOR_MS, true);
  await first.silence();
  expect(await until()).toBeGreaterThan(Date.now() * 1_000);
  await second.silence();
  expect(await until()).toBe(0);
});
