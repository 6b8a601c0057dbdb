// The bell: when a relay may sleep long, and which relay's word counts (rule 11).

import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createBell } from '../../../src/workers/relay/bell.ts';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';

const FOR_MS = 10_000;
const SHORT_MS = 100;

it('lets a relay sleep long once it has looked after everything silent was over', async () => {
  const { pool } = await createDatabase();
  const bell = createBell(pool);
  expect(await bell.arm(FOR_MS, true)).toBe('new');
  expect(await bell.arm(FOR_MS, true)).toBe('partly');
  // Transactions in other databases of the server count too.
  await waitFor(async () => (await bell.arm(FOR_MS, true)) === 'all');
  expect(await bell.arm(FOR_MS, false), 'it has not looked').toBe('partly');
  expect(await bell.arm(FOR_MS, true)).toBe('all');
  await bell.silence();
  expect(await bell.arm(FOR_MS, true), 'it begins anew after a ring').toBe('new');
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
  expect(await bell.arm(FOR_MS, true)).toBe('new');
  for (let count = 0; count < 5; count++) expect(await bell.arm(FOR_MS, true)).toBe('partly');
  await begin();
  await older.query('commit');
  expect(await bell.arm(FOR_MS, true), 'the commit came after the last look').toBe('partly');
  await waitFor(async () => (await bell.arm(FOR_MS, true)) === 'all');
});

it('stays armed for a relay that sleeps for as long as it said, again and again', async () => {
  const { pool } = await createDatabase();
  const bell = createBell(pool);
  await waitFor(async () => (await bell.arm(FOR_MS, true)) === 'all');
  for (let turn = 0; turn < 3; turn++) {
    expect(await bell.arm(SHORT_MS, true)).toBe('all');
    await delay(SHORT_MS);
  }
  await delay(SHORT_MS + 500);
  expect(await bell.arm(FOR_MS, true), 'nothing was armed for half a second').toBe('new');
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
