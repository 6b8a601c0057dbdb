// The long forms of what search sync withstands: 100,000 rows at once, a delete overtaken by a bulk of 90 s ago, a node that
// forgets, an index deleted by hand and a Postgres that dies, each under a worker of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { cacheFolderOf, readConfig } from '../../../../src/config.ts';
import { startOpenSearch } from '../../../../src/features/search-sync/demo/opensearch.ts';
import { searchSettings } from '../../../../src/features/search-sync/settings.ts';
import { readMapping } from '../../../../src/features/search-sync/store.ts';
import { bulk } from '../../../../src/features/search-sync/target/bulk.ts';
import { watchTurn } from '../../../../src/features/search-sync/watch/watch.ts';
import { readSettings } from '../../../../src/settings.ts';
import { testEnvironment } from '../../../support/environment.ts';
import { startTem } from '../../../support/processes.ts';
import { ownPostgres } from '../../../support/servers.ts';
import { createNamespace } from '../../../support/temporal.ts';
import { waitFor } from '../../../support/wait.ts';
import { faultyTarget } from '../faulty-target.ts';
import { describeSearch, type Scene, setup } from '../setup.ts';
import { block, checkFanout, copyIn } from '../withstanding.ts';

const LISTINGS = 'create table listings (id integer primary key, title text, price float8)';
const EQUAL = { missing: 0, stale: 0, extra: 0 };

async function present({ pool }: Scene) {
  return (await readMapping(pool, { schema: 'public', name: 'listings' }))!;
}

describeSearch('withstanding, in full', () => {
  test('COPY of 100,000', async () => {
    const scene = await setup();
    await scene.pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    await copyIn(scene, 100_000);
    await scene.drained(600_000);
    expect(await scene.compare(mapping)).toMatchObject({ checked: 100_000, ...EQUAL });
  });

  test('a fan-out to 100,000 listings holds up no single change', () => checkFanout(100_000));

  test('a bulk delayed by 90 s behind a delete', async () => {
    const { state, url } = await faultyTarget();
    const scene = await setup({ url });
    const { pool } = scene;
    await pool.query(`${LISTINGS}; insert into listings values (9, 'before')`);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    state.holdBulks = true;
    await pool.query(`update listings set title = 'late' where id = 9`);
    await waitFor(() => state.held.length > 0);
    state.holdBulks = false;
    await pool.query('delete from listings where id = 9');
    await scene.drained();
    await pause(90_000);
    for (const deliver of state.held) await deliver();
    await scene.search(`${scene.index}/_refresh`, {});
    expect(await scene.stored(mapping, '9')).toBeUndefined();
    expect(await scene.compare(mapping)).toMatchObject({ checked: 0, ...EQUAL });
  });

  test('Y3: a late bulk after the node has started anew and may have forgotten the delete', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tem-opensearch-'));
    const options = { cacheFolder: cacheFolderOf(readConfig({})), folder, quickStart: true, say: () => {} };
    let search = await startOpenSearch(options);
    onTestFinished(async () => {
      await search.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    const scene = await setup({ url: search.url });
    const { pool, target, targets } = scene;
    await pool.query(`${LISTINGS}; insert into listings values (9, 'before'), (10, 'stays')`);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    const settings = searchSettings.read(readSettings({}));
    const look = () =>
      watchTurn({ pool, targets: { default: target }, states: targets, settings, log: pino({ level: 'silent' }) });
    await look();
    const { rows } = await pool.query<{ version: string }>(`select nextval('tem.search_version')::text as version`);
    await pool.query('delete from listings where id = 9');
    await scene.drained();
    await search.kill();
    search = await startOpenSearch({ ...options, port: search.port });
    const name = mapping.indices[0]?.name ?? '';
    await bulk(target, name, [{ id: '9', json: '{"id":9,"title":"late"}', version: rows[0]?.version ?? '' }]);
    // The node's new start is noticed, and the last minutes' deletes are looked at again.
    await look();
    await scene.drained();
    expect(await scene.stored(mapping, '9')).toBeUndefined();
    expect(await scene.compare(mapping)).toMatchObject({ checked: 1, ...EQUAL });
  });

  test('an index deleted by hand, a full disk and a Postgres that dies, while a worker keeps up with 4 writers', async () => {
    const postgres = await ownPostgres();
    const scene = await setup({ database: postgres });
    const { pool, url, index } = scene;
    await pool.query(LISTINGS);
    await scene.attach('listings');
    const environment = testEnvironment(postgres, await createNamespace(), { TEM_SEARCH_URL: url });
    const worker = startTem(['worker'], environment);
    onTestFinished(async () => void (await worker.stop()));
    await worker.ready();
    const isLive = async () => {
      const { indices } = await present(scene);
      return indices.length === 1 && indices[0]?.state === 'live' ? indices[0].name : undefined;
    };
    const first = (await waitFor(isLive, 120_000)) as string;
    let writing = true;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let n = 0; writing; n += 1) {
        const id = writer * 1_000 + (n % 200);
        const write =
          n % 5 === 4
            ? pool.query('delete from listings where id = $1', [id])
            : pool.query(
                'insert into listings values ($1, $2, $3) on conflict (id) do update set title = $2, price = $3',
                [id, `${writer}/${n}`, n],
              );
        // While Postgres is away nothing is written.
        await write.catch(() => pause(200));
        await pause(5);
      }
    });
    await fetch(`${url}/${first}`, { method: 'DELETE' });
    await waitFor(async () => {
      const name = await isLive();
      return name !== undefined && name !== first;
    }, 180_000);
    await block({ url, index }, true);
    await waitFor(async () => {
      const { rows } = await pool.query(
        `select count(*)::int as count from elasticsearch_sync_queue where status <> 'completed'`,
      );
      return rows[0].count > 100;
    }, 60_000);
    await block({ url, index }, false);
    await postgres.kill();
    await pause(3_000);
    await postgres.start();
    await pause(5_000);
    writing = false;
    await Promise.all(writers);
    await scene.drained(180_000);
    expect(await scene.compare(await present(scene))).toMatchObject(EQUAL);
    const { rows } = await pool.query('select max(retry_count)::int as retries from elasticsearch_sync_queue');
    expect(rows).toEqual([{ retries: 0 }]);
  });
});
