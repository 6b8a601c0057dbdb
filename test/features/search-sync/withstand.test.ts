// What search sync withstands, each in a small flow; the long forms are in long/withstand.test.ts.

import { pino } from 'pino';
import { expect, test } from 'vitest';
import { searchConditions } from '../../../src/features/search-sync/alerts.ts';
import { setPaused } from '../../../src/features/search-sync/queue/control.ts';
import { readSurroundings } from '../../../src/features/search-sync/queue/stats.ts';
import { keepQueueShort } from '../../../src/features/search-sync/watch/queue-length.ts';
import { runSweeps } from '../../../src/features/search-sync/watch/sweeps.ts';
import { waitFor } from '../../support/wait.ts';
import { describeSearch, setup } from './setup.ts';
import { block, checkFanout, copyIn } from './withstanding.ts';

const LISTINGS = 'create table listings (id integer primary key, title text, price float8)';
const EQUAL = { missing: 0, stale: 0, extra: 0 };
const log = pino({ level: 'silent' });

describeSearch('withstanding', () => {
  test('COPY', async () => {
    const scene = await setup();
    await scene.pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    await copyIn(scene, 3_000);
    await scene.drained();
    expect(await scene.compare(mapping)).toMatchObject({ checked: 3_000, ...EQUAL });
  });

  test('an index that is read-only for a full disk: rows wait, no retry is used up, and it catches up by itself', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    await block(scene, true);
    await pool.query(`insert into listings select n, 'x' from generate_series(1, 50) n`);
    await pool.query('delete from listings where id = 50');
    await waitFor(() => /read-only|FORBIDDEN/i.test(scene.targets.default?.breaker.trouble ?? ''));
    await block(scene, false);
    await scene.drained();
    expect(await scene.compare(mapping)).toMatchObject({ checked: 49, ...EQUAL });
    const { rows } = await pool.query('select max(retry_count)::int as retries from elasticsearch_sync_queue');
    expect(rows).toEqual([{ retries: 0 }]);
  });

  test('sessions that Postgres ends, as when it restarts, in the middle of batches', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    for (let n = 0; n < 10; n += 1) {
      await pool.query(
        `insert into listings select g, $1 from generate_series(1, 300) g on conflict (id) do update set title = $1`,
        [`turn ${n}`],
      );
      await pool.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and application_name like 'tem%'`);
    }
    await scene.drained();
    expect(await scene.compare(mapping)).toMatchObject({ checked: 300, ...EQUAL });
  });

  test('a fan-out to many records, beside which single changes go on', async () => {
    await checkFanout(4_000);
  });

  test('a queue that grows too long keeps less, tells somebody before it is full, and ends equal', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    await pool.query(`insert into listings select n, 'before' from generate_series(1, 400) n`);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    const write = (turn: string) => pool.query('update listings set title = $1', [turn]);
    const keeps = async () => (await readSurroundings(pool)).keeps;
    const queued = async () => (await pool.query('select change_data from elasticsearch_sync_queue')).rows;
    const conditions = () =>
      searchConditions({
        pool,
        settings: { targets: { default: {} }, stuckAfterMs: 30_000, queueMax: 1_000 },
      } as unknown as Parameters<typeof searchConditions>[0]);
    await pool.query(`insert into tem.search_processor (id, lease_until, host, pid)
      values (gen_random_uuid(), now() + interval '1 hour', 'here', 1)`);
    await write('one');
    await keepQueueShort(pool, 1_000, log);
    expect([await keeps(), await conditions()]).toEqual(['whole', []]);
    await write('two');
    await keepQueueShort(pool, 1_000, log);
    // Of each record its newest row stays, and of that only that it changed.
    expect(await queued()).toHaveLength(400);
    expect((await queued()).every(({ change_data }) => change_data === null)).toBe(true);
    await pool.query(`insert into listings select n, 'more' from generate_series(1001, 1200) n`);
    await keepQueueShort(pool, 1_000, log);
    expect(await keeps()).toBe('marks');
    expect(await conditions()).toMatchObject([{ kind: 'search_queue_long' }]);
    await pool.query(`insert into listings select n, 'much more' from generate_series(2001, 2600) n`);
    await keepQueueShort(pool, 1_000, log);
    expect(await keeps()).toBe('full');
    const before = (await queued()).length;
    await write('unseen');
    await pool.query('delete from listings where id = 5');
    expect(await queued()).toHaveLength(before);
    await scene.startProcessor();
    await scene.drained();
    await keepQueueShort(pool, 1_000, log);
    expect(await keeps()).toBe('whole');
    await waitFor(async () => {
      await keepQueueShort(pool, 1_000, log);
      return (await runSweeps({ pool, states: scene.targets }, new AbortController().signal)) > 0;
    });
    await scene.drained();
    expect(await scene.compare(mapping)).toMatchObject({ checked: 1_199, ...EQUAL });
  });

  test('stop and start, which last and which every processor sees', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    expect(await setPaused(pool, 'somebody', true)).toBe(true);
    expect(await setPaused(pool, 'somebody', true)).toBe(false);
    // One that starts afterwards sees it too.
    const later = await scene.startProcessor();
    await pool.query(`insert into listings values (1, 'waits')`);
    await waitFor(async () => {
      const { rows } = await pool.query('select count(*)::int as count from tem.search_processor');
      return rows[0].count === 2;
    });
    await later.stop();
    const { rows } = await pool.query('select status from elasticsearch_sync_queue');
    expect(rows).toEqual([{ status: 'pending' }]);
    // What is on its way is no difference.
    expect(await scene.compare(mapping)).toMatchObject(EQUAL);
    await setPaused(pool, 'somebody', false);
    await scene.drained();
    expect(await scene.stored(mapping, '1')).toContain('waits');
  });
});
