// What is counted for Prometheus, what retention removes, and the comparison in the background.

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { startReindex } from '../../../src/features/search-sync/load/reindex.ts';
import { searchMetrics } from '../../../src/features/search-sync/metrics.ts';
import { pruneQueue } from '../../../src/features/search-sync/prune.ts';
import { searchSettings } from '../../../src/features/search-sync/settings.ts';
import { readMapping } from '../../../src/features/search-sync/store.ts';
import { compareAll } from '../../../src/features/search-sync/watch/comparison.ts';
import { lookAtTarget } from '../../../src/features/search-sync/watch/targets.ts';
import { watchTurn } from '../../../src/features/search-sync/watch/watch.ts';
import { readSettings } from '../../../src/settings.ts';
import { describeSearch, setup } from './setup.ts';

const LISTINGS = 'create table listings (id integer primary key, title text, price float8)';
const log = pino({ level: 'silent' });

describeSearch('search sync in the background', () => {
  test('is counted by table and status, and by target', async () => {
    const scene = await setup();
    const { pool, target } = scene;
    await pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    await pool.query(`insert into listings values (1, 'a', 1), (2, 'b', 'NaN')`);
    await scene.drained();
    await lookAtTarget(pool, target, log);
    const registry = new Registry();
    const settings = searchSettings.read(readSettings({ TEM_SEARCH_URL: scene.url }));
    searchMetrics(registry, { pool, settings, in: 'api' } as Parameters<typeof searchMetrics>[1]);
    const lines = (await registry.metrics()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'tem_search_rows{table="listings",status="completed"} 1',
        'tem_search_rows{table="listings",status="failed"} 1',
        'tem_search_target_up{target="default"} 1',
        'tem_search_waiting_records{target="default",table="listings"} 0',
        'tem_search_processors_alive 1',
        'tem_search_recent_failed_ratio 0.5',
        'tem_search_stuck_rows 0',
      ]),
    );
    await pool.query(`update elasticsearch_sync_queue set created_at = now() - interval '8 days',
      processed_at = now() - interval '8 days'`);
    await pool.query(`insert into listings values (3, 'c', 3)`);
    await scene.drained();
    expect(await pruneQueue(pool, settings.keepCompletedMs)).toBe(false);
    const { rows } = await pool.query('select record_id, status from elasticsearch_sync_queue order by id');
    expect(rows).toEqual([
      { record_id: '2', status: 'failed' },
      { record_id: '3', status: 'completed' },
    ]);
  });

  test('compares at its rate, goes on where it was, and repairs when told to', async () => {
    const scene = await setup();
    const { pool, target, targets } = scene;
    await pool.query(`${LISTINGS}; insert into listings select n, 'x', n from generate_series(1, 3000) n`);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await pool.query(`set session_replication_role = replica; update listings set title = 'changed' where id in (5, 2900);
      delete from listings where id = 7; reset session_replication_role`);
    const settings = searchSettings.read(readSettings({ TEM_SEARCH_REPAIR: 'on', TEM_SEARCH_VERIFY_RATE: '2000' }));
    const dependencies = { pool, targets: { default: target }, states: targets, settings, log };
    // A worker that was replaced after the first 1,000 records, in which it had found something.
    await pool.query(`update tem.search_mapping set comparison = $1`, [
      JSON.stringify({
        indexId: mapping.indices[0]?.id,
        position: { phase: 'records', after: ['1000'] },
        counts: { checked: 999, missing: 0, stale: 1, extra: 0, repaired: 1 },
      }),
    ]);
    const startedAt = performance.now();
    await compareAll(dependencies, new AbortController().signal);
    // 2,000 records and 3,000 documents at 2,000 a second.
    expect(performance.now() - startedAt).toBeGreaterThan(2_400);
    const { rows } = await pool.query('select comparison, verification from tem.search_mapping');
    expect(rows[0].comparison).toBeNull();
    expect(rows[0].verification).toMatchObject({ checked: 2_999, missing: 0, stale: 2, extra: 1, repaired: 3 });
    await scene.startProcessor();
    await scene.drained();
    expect(await scene.stored(mapping, '2900')).toContain('changed');
    expect(await scene.stored(mapping, '7')).toBeUndefined();
    // What the replaced worker had repaired was made up by this test: the next comparison finds it.
    await compareAll(dependencies, new AbortController().signal);
    await scene.drained();
    expect(await scene.compare(mapping)).toMatchObject({ checked: 2_999, missing: 0, stale: 0, extra: 0 });
  });

  test('removes an index that a reindex has replaced, after its time', async () => {
    const scene = await setup();
    const { pool, target, targets, index } = scene;
    await pool.query(`${LISTINGS}; insert into listings values (1, 'x', 1)`);
    await scene.load(await scene.attach('listings'));
    const settings = searchSettings.read(readSettings({}));
    const look = () => watchTurn({ pool, targets: { default: target }, states: targets, settings, log });
    const mapping = async () => (await readMapping(pool, { schema: 'public', name: 'listings' }))!;
    const replaced = (await mapping()).indices[0]?.name;
    await startReindex({ pool, targets: { default: target }, log }, await mapping());
    await scene.load(await mapping());
    const names = async () => Object.keys(await scene.search(`${index}-*/_settings`));
    await look();
    expect(await names()).toHaveLength(2);
    expect(Object.keys(await scene.search(`_alias/${index}`))).not.toContain(replaced);
    await pool.query(`update tem.search_index set kept_until = now() - interval '1 s' where state = 'kept'`);
    await look();
    expect(await names()).toEqual([(await mapping()).indices[0]?.name]);
  });
});
