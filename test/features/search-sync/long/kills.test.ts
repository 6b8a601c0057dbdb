// What search sync withstands in its long forms: processors killed every 2 s under 20,000 writes of 8 connections; OpenSearch
// killed for a while; one poison document in each hundred.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { cacheFolderOf, readConfig } from '../../../../src/config.ts';
import { startOpenSearch } from '../../../../src/features/search-sync/demo/opensearch.ts';
import { testEnvironment } from '../../../support/environment.ts';
import { startTem } from '../../../support/processes.ts';
import { createNamespace } from '../../../support/temporal.ts';
import { waitFor } from '../../../support/wait.ts';
import { describeSearch, setup } from '../setup.ts';

const WRITES = 20_000;
const CONNECTIONS = 8;
const EQUAL = { missing: 0, stale: 0, extra: 0 };
const LISTINGS = 'create table listings (id integer primary key, title text, price float8)';

describeSearch('the long table', () => {
  test('a worker killed every 2 s during 20,000 mixed writes', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    const environment = testEnvironment(scene, await createNamespace(), { TEM_SEARCH_URL: scene.url });
    let worker = startTem(['worker'], environment);
    onTestFinished(async () => void (await worker.stop()));
    let writing = true;
    const killing = (async () => {
      while (writing) {
        await pause(2_000);
        worker.kill('SIGKILL');
        await worker.exited;
        worker = startTem(['worker'], environment);
      }
    })();
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async (_, connection) => {
        for (let n = 0; n < WRITES / CONNECTIONS; n += 1) {
          const id = (n * 7 + connection * 31) % 1_000;
          if (n % 5 === 4) await pool.query('delete from listings where id = $1', [id]);
          else
            await pool.query(
              'insert into listings values ($1, $2, $3) on conflict (id) do update set title = $2, price = $3',
              [id, `${connection}/${n}`, n],
            );
        }
      }),
    );
    writing = false;
    await killing;
    await scene.load(mapping);
    await scene.drained(300_000);
    expect(await scene.compare(mapping)).toMatchObject(EQUAL);
  });

  test('OpenSearch killed for 60 s while writes go on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tem-opensearch-'));
    const options = { cacheFolder: cacheFolderOf(readConfig({})), folder, quickStart: true, say: () => {} };
    let search = await startOpenSearch(options);
    onTestFinished(async () => {
      await search.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    const scene = await setup({ url: search.url });
    const { pool } = scene;
    await pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.startProcessor();
    const write = (from: number) =>
      pool.query(`insert into listings select n, 'x' from generate_series($1::int, $1::int + 99) n`, [from]);
    await write(0);
    await search.kill();
    for (let n = 1; n <= 60; n += 1) {
      await write(n * 100);
      await pause(1_000);
    }
    expect(scene.targets.default?.breaker.trouble).toBeDefined();
    search = await startOpenSearch({ ...options, port: search.port });
    await scene.drained(120_000);
    expect(await scene.compare(mapping)).toMatchObject({ checked: 6_100, ...EQUAL });
  });

  test('one poison document in each 100: the others at full speed, the poison ones EXTINCT with the field', async () => {
    const scene = await setup();
    const { pool } = scene;
    await pool.query(LISTINGS);
    const mapping = await scene.attach('listings');
    const environment = testEnvironment(scene, await createNamespace(), {
      TEM_SEARCH_URL: scene.url,
      TEM_SEARCH_ATTEMPTS: '2',
    });
    const worker = startTem(['worker'], environment);
    onTestFinished(async () => void (await worker.stop()));
    await worker.ready();
    await waitFor(async () => {
      const { rows } = await pool.query('select state from tem.search_index');
      return rows[0]?.state === 'live';
    }, 120_000);
    const drain = async (from: number, price: string): Promise<number> => {
      const startedAt = performance.now();
      await pool.query(
        `insert into listings select n, 'x', case when n % 100 = 0 then $2 else n::text end::float8
          from generate_series($1::int, $1::int + 4999) n`,
        [from, price],
      );
      await scene.drained(300_000);
      return performance.now() - startedAt;
    };
    await drain(1, '1');
    const clean = await drain(10_001, '1');
    const poisoned = await drain(20_001, 'NaN');
    // A batch with refused documents is cut by nobody: what they cost is their own way.
    expect(poisoned).toBeLessThan(3 * clean + 5_000);
    const events = async () => {
      const { rows } = await pool.query(
        `select state, count(*)::int as count, bool_and(last_error like '%price%') as named from tem.event
          where type = 'search.document' group by state`,
      );
      return rows;
    };
    await waitFor(async () => (await events()).every(({ state }) => state === 'EXTINCT'), 300_000);
    expect(await events()).toEqual([{ state: 'EXTINCT', count: 50, named: true }]);
    const { rows } = await pool.query(
      `select count(*)::int as count, min(error_message) as said from elasticsearch_sync_queue where status = 'failed'`,
    );
    expect(rows).toEqual([{ count: 50, said: expect.stringContaining('Max retries exceeded (2/2): field price:') }]);
    expect(await scene.compare(mapping)).toMatchObject({ checked: 15_000, ...EQUAL });
  });
});
