// Attaching and detaching a table that others write without a pause, and hold for long: none of them waits for TEM longer
// than 200 ms.

import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { detach } from '../../../src/features/search-sync/attach/detach.ts';
import { describeSearch, type Scene, setup } from './setup.ts';

const WRITERS = 4;
const HELD_FOR_SECONDS = 1.2;

/** Runs `run` while writers write and a transaction holds the table; resolves to what the writers wrote. */
async function beside({ pool }: Scene, run: () => Promise<unknown>): Promise<number> {
  let writing = true;
  let written = 0;
  const refused: unknown[] = [];
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    const client = await pool.connect();
    // Postgres's own clock: a statement that waits longer for a lock fails, and with it the test.
    await client.query(`set lock_timeout = '200ms'`);
    try {
      for (let n = 0; writing; n += 1) {
        await client.query(`insert into busy values ($1, 'x') on conflict (id, part) do update set title = $2`, [
          writer * 1_000 + (n % 100),
          `${n}`,
        ]);
        written += 1;
        await pause(2);
      }
    } catch (error) {
      refused.push((error as Error).message);
    } finally {
      await client.query('reset lock_timeout');
      client.release();
    }
  });
  const holder = await pool.connect();
  await holder.query(`begin; insert into busy values (100000, 'held')`);
  const holding = holder
    .query(`select pg_sleep(${HELD_FOR_SECONDS}); delete from busy where id = 100000; commit`)
    .finally(() => holder.release());
  try {
    await run();
  } finally {
    writing = false;
    await holding;
    await Promise.all(writers);
  }
  expect(refused).toEqual([]);
  return written;
}

describeSearch('a busy table', () => {
  test('is attached and detached while no writer waits longer than 200 ms', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(`create table busy (id integer, title text, part integer default 1, primary key (id, part))
      partition by list (part)`);
    for (let part = 1; part <= 20; part += 1)
      await pool.query(`create table busy_${part} partition of busy for values in (${part})`);
    let mapping = await scene.attach('busy').then(async (made) => {
      await detach({ pool, targets: { default: scene.target } }, made, { keepIndex: false });
      return made;
    });
    expect(
      await beside(scene, async () => {
        mapping = await scene.attach('busy');
      }),
    ).toBeGreaterThan(10);
    const { rows } = await pool.query(
      `select count(*)::int as triggers from pg_trigger where tgname like 'tem_search%'`,
    );
    expect(rows).toEqual([{ triggers: 4 * 21 }]);
    expect(
      await beside(scene, () => detach({ pool, targets: { default: scene.target } }, mapping, { keepIndex: false })),
    ).toBeGreaterThan(10);
    const after = await pool.query(`select from pg_trigger where tgname like 'tem_search%'`);
    expect(after.rowCount).toBe(0);
  });
});
