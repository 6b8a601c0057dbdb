// Targets that fail, in front of the real one: away, answering nobody, late; two processors; several targets; a reindex.

import { pino } from 'pino';
import { expect, test } from 'vitest';
import { attach } from '../../../src/features/search-sync/attach/attach.ts';
import { planMapping } from '../../../src/features/search-sync/attach/plan.ts';
import { cancelLoad, rebuildLost, startReindex } from '../../../src/features/search-sync/load/reindex.ts';
import { searchSettings } from '../../../src/features/search-sync/settings.ts';
import { readMapping } from '../../../src/features/search-sync/store.ts';
import type { Target } from '../../../src/features/search-sync/target/target.ts';
import { lookAgainAtDeletes } from '../../../src/features/search-sync/watch/targets.ts';
import { watchTurn } from '../../../src/features/search-sync/watch/watch.ts';
import { readSettings } from '../../../src/settings.ts';
import { waitFor } from '../../support/wait.ts';
import { faultyTarget } from './faulty-target.ts';
import { describeSearch, setup } from './setup.ts';

const LISTINGS = 'create table listings (id integer primary key, title text, price float8)';
const log = pino({ level: 'silent' });
const EQUAL = { missing: 0, stale: 0, extra: 0 };

describeSearch('faults of a target', () => {
  test('away, busy or answering nobody: nothing is lost, no retry is used up, two processors end equal', async () => {
    const { state, url } = await faultyTarget();
    const scene = await setup({ url });
    const { pool } = scene;
    await pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    await scene.startProcessor();
    for (const fault of ['away', '503', 'silent', 'none'] as const) {
      state.fault = fault;
      for (let n = 0; n < 10; n += 1) {
        await pool.query(
          `insert into listings select g, 'a' from generate_series($1::int, $1::int + 20) g on conflict (id) do update set title = $2`,
          [n * 7, `${fault} ${n}`],
        );
        await pool.query('delete from listings where id = $1', [n * 5]);
      }
      if (fault !== 'none') await waitFor(() => scene.targets.default?.breaker.trouble !== undefined);
    }
    await scene.drained(60_000);
    expect(await scene.compare(mapping)).toMatchObject(EQUAL);
    const { rows } = await pool.query(
      'select max(retry_count)::int as retries, count(*) filter (where status <> $1)::int as open from elasticsearch_sync_queue',
      ['completed'],
    );
    expect(rows[0]).toEqual({ retries: 0, open: 0 });
  });

  test('a bulk delayed behind a delete brings nothing back (rule 24), nor does one after the versions were forgotten and looked at again (Y3)', async () => {
    const { state, url } = await faultyTarget();
    const scene = await setup({ url });
    const { pool } = scene;
    await pool.query(LISTINGS);
    await pool.query(`insert into listings values (9, 'before')`);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    state.holdBulks = true;
    await pool.query(`update listings set title = 'late' where id = 9`);
    await waitFor(() => state.held.length > 0);
    state.holdBulks = false;
    await pool.query('delete from listings where id = 9');
    await scene.drained();
    expect(await scene.stored(mapping, '9')).toBeUndefined();
    for (const deliver of state.held) await deliver();
    expect(await scene.stored(mapping, '9')).toBeUndefined();
    const settings = await scene.search(`${mapping.indices[0]?.name}/_settings?flat_settings=true`);
    expect(JSON.stringify(settings)).toContain('"index.gc_deletes":"1h"');
    // As if a node had forgotten the version: the document is back until the deletes of the last minutes are looked at. What
    // is written by hand takes the version after the delete's.
    await pool.query(`select nextval('tem.search_version')`);
    await fetch(`${scene.url}/${mapping.indices[0]?.name}/_doc/9`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"id":9}',
    });
    expect(await scene.stored(mapping, '9')).toBeDefined();
    expect(await scene.compare(mapping)).toMatchObject({ extra: 1 });
    expect(await lookAgainAtDeletes(pool, log)).toBeGreaterThan(0);
    await scene.drained();
    expect(await scene.stored(mapping, '9')).toBeUndefined();
  });

  test('an index that was deleted by hand is made and filled anew, and not by accident', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    await pool.query(`insert into listings select n, 'x' from generate_series(1, 50) n`);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    const [lost] = mapping.indices;
    await fetch(`${scene.url}/${lost?.name}`, { method: 'DELETE' });
    await scene.startProcessor();
    await pool.query('delete from listings where id = 1');
    await pool.query(`update listings set title = 'y' where id = 2`);
    const { rows } = await pool.query(`select name from tem.search_index`);
    expect(rows).toHaveLength(1);
    // A delete with a version must not have made it.
    expect(await scene.search(`_cat/indices/*${lost?.name}*?format=json`)).toEqual([]);
    const dependencies = { pool, targets: { default: scene.target }, log };
    await rebuildLost(dependencies, (await readMapping(pool, { schema: 'public', name: 'listings' }))!, lost!.id);
    const anew = (await readMapping(pool, { schema: 'public', name: 'listings' }))!;
    await scene.load(anew);
    await scene.drained();
    expect(await scene.compare((await readMapping(pool, { schema: 'public', name: 'listings' }))!)).toMatchObject({
      checked: 49,
      ...EQUAL,
    });
    const found = await scene.search(`${scene.index}/_count`);
    expect(found.count).toBe(49);
  });

  test('an index that is about to be made is not taken for one that is gone', async () => {
    const scene = await setup();
    const { pool, index, target } = scene;
    await pool.query(LISTINGS);
    const settings = searchSettings.read(readSettings({}));
    const looked: string[] = [];
    // The watch looks just before the index is there.
    const slow: Target = {
      ...target,
      async request(request) {
        if (request.method === 'PUT' && request.path[0]?.startsWith(index)) {
          await watchTurn({ pool, targets: { default: target }, states: scene.targets, settings, log });
          looked.push(request.path[0]);
        }
        return target.request(request);
      },
    };
    const plan = await planMapping(pool, 'listings', { index }, ['default']);
    const { mapping } = await attach({ pool, targets: { default: slow }, log }, plan);
    expect(looked).toEqual([mapping.indices[0]?.name]);
    const { rows } = await pool.query('select name, state from tem.search_index');
    expect(rows).toEqual([{ name: mapping.indices[0]?.name, state: 'loading' }]);
  });

  test('a reindex swaps the alias under writes; a cancelled one leaves the present index', async () => {
    const scene = await setup();
    const { pool, index } = scene;
    await pool.query(LISTINGS);
    await pool.query(`insert into listings select n, 'x' from generate_series(1, 3000) n`);
    const first = await scene.attach('listings');
    await scene.load(first);
    await scene.startProcessor();
    const named = { schema: 'public', name: 'listings' };
    const dependencies = { pool, targets: { default: scene.target }, log };
    const [cancelled] = await startReindex(dependencies, (await readMapping(pool, named))!);
    expect(await startReindex(dependencies, (await readMapping(pool, named))!)).toEqual([]);
    expect(await cancelLoad(dependencies, cancelled!.id)).toBe(true);
    const [second] = await startReindex(dependencies, (await readMapping(pool, named))!);
    let writing = true;
    const counts: unknown[] = [];
    const writes = (async () => {
      for (let n = 0; writing; n += 1) {
        await pool.query(`update listings set title = $2 where id % 100 = $1`, [n % 100, `changed ${n}`]);
        counts.push((await scene.search(`${index}/_count`)).count);
      }
    })();
    await scene.load((await readMapping(pool, named))!);
    writing = false;
    await writes;
    await scene.drained();
    const after = (await readMapping(pool, named))!;
    expect(after.indices.map(({ name }) => name)).toEqual([second!.name]);
    expect(Object.keys(await scene.search(`_alias/${index}`))).toEqual([second!.name]);
    expect(counts.every((count) => Number(count) > 0)).toBe(true);
    expect(await scene.compare(after)).toMatchObject({ checked: 3000, ...EQUAL });
  });
});
