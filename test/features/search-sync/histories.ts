// Random histories of writes to a mapped table while processors lose their leases in the middle of their batches, and the
// check that index and table are equal afterwards. Run briefly in npm test and for longer in npm run test:long.

import fc from 'fast-check';
import type pg from 'pg';
import { expect } from 'vitest';
import { runSweeps } from '../../../src/features/search-sync/watch/sweeps.ts';
import { setup } from './setup.ts';

const KEYS = 12;
const key = fc.integer({ min: 1, max: KEYS });
const title = fc.string({ maxLength: 8, unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''));
const number = fc.constantFrom('0.10', '1524753829371840599', '-0.0000283', '1e21', '12345678901234567890.123');

type Step =
  | { do: 'put'; key: number; title: string; number: string; active: boolean }
  | { do: 'remove'; key: number }
  | { do: 'rename'; key: number; to: number }
  | { do: 'undone'; key: number; title: string }
  | { do: 'many'; title: string }
  | { do: 'truncate' }
  | { do: 'steal' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('put' as const), key, title, number, active: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('remove' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rename' as const), key, to: key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('undone' as const), key, title }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('many' as const), title }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('truncate' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('steal' as const) }) },
);

async function take(pool: pg.Pool, each: Step): Promise<void> {
  switch (each.do) {
    case 'put':
      await pool.query(
        `insert into listings values ($1, $2, $3, $4) on conflict (id) do update set title = excluded.title,
          number = excluded.number, active = excluded.active`,
        [each.key, each.title, each.number, each.active],
      );
      return;
    case 'remove':
      await pool.query('delete from listings where id = $1', [each.key]);
      return;
    case 'rename':
      await pool.query(
        'update listings set id = $2 where id = $1 and not exists (select from listings where id = $2)',
        [each.key, each.to],
      );
      return;
    case 'undone': {
      const client = await pool.connect();
      await client.query('begin');
      await client.query('update listings set title = $2 where id = $1', [each.key, each.title]);
      await client.query('rollback');
      client.release();
      return;
    }
    case 'many':
      await pool.query('update listings set title = $1', [each.title]);
      return;
    case 'truncate':
      await pool.query('truncate listings');
      return;
    case 'steal':
      // All processors are taken for dead: what they have in hand is given to whoever looks next, and they go on with it.
      await pool.query(`update tem.search_processor set lease_until = 'epoch'`);
      await pool.query(
        `with gone as (delete from tem.search_batch returning queue_ids)
          update elasticsearch_sync_queue q set status = 'pending' from gone g where q.id = any(g.queue_ids::bigint[])
            and q.status = 'processing'`,
      );
      await pool.query('update tem.search_dirty set batch_id = null');
  }
}

/** Fails with the shortest history that leaves index and table unequal. */
export async function checkHistories(runs: number, length: number): Promise<void> {
  const scene = await setup();
  const { pool } = scene;
  await pool.query('create table listings (id integer primary key, title text, number numeric, active boolean)');
  const mapping = await scene.attach('listings', { where: 'active' });
  await scene.load(mapping);
  await scene.startProcessor();
  await scene.startProcessor();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: length }), async (steps) => {
      // Two writers at a time, so that transactions cross.
      for (let at = 0; at < steps.length; at += 2) {
        await Promise.all(steps.slice(at, at + 2).map((each) => take(pool, each).catch(ignoreCollision)));
      }
      await scene.drained(60_000);
      await runSweeps({ pool, states: scene.targets }, new AbortController().signal);
      await scene.drained(60_000);
      const { records: _records, ...counts } = await scene.compare(mapping);
      expect(counts).toMatchObject({ missing: 0, stale: 0, extra: 0 });
    }),
    { numRuns: runs },
  );
}

/** Two writers may deadlock, or take the same key: Postgres refuses one of them, which then wrote nothing. */
function ignoreCollision(error: { code?: string }): void {
  if (error.code !== '40P01' && error.code !== '23505') throw error;
}
