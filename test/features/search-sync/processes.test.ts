// Search sync in real processes: an API that attaches, workers that load and keep up, killed while they do.

import { expect, onTestFinished, test } from 'vitest';
import { ADMIN_KEY, testEnvironment } from '../../support/environment.ts';
import { startTem } from '../../support/processes.ts';
import { createNamespace } from '../../support/temporal.ts';
import { waitFor } from '../../support/wait.ts';
import { describeSearch, setup } from './setup.ts';

const ROWS = 1_500;

describeSearch('workers', () => {
  test('load a table, keep up while they are killed, and report a poison document', async () => {
    const scene = await setup();
    const { pool, index } = scene;
    await pool.query('create table listings (id integer primary key, title text, price float8)');
    await pool.query(`insert into listings select n, 'listing ' || n, n from generate_series(1, ${ROWS}) n`);
    const environment = testEnvironment(scene, await createNamespace(), {
      TEM_SEARCH_URL: scene.url,
      TEM_SEARCH_ATTEMPTS: '1',
    });
    const api = startTem(['api'], environment);
    const first = startTem(['worker'], environment);
    onTestFinished(async () => {
      await Promise.all([api.stop(), first.stop()]);
    });
    const { url } = await api.ready();
    const call = async (method: string, path: string, body?: object) => {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      });
      // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
      return (await answer.json()) as Record<string, any>;
    };
    await first.ready();
    const mapping = await call('PUT', '/v1/search-sync/mappings/listings', { index });
    const load = `/v1/search-sync/reindex/${mapping.indices[0].id}`;
    await waitFor(async () => (await call('GET', load)).state === 'live', 60_000);
    expect(await call('GET', load)).toMatchObject({ loaded: ROWS, total: ROWS });
    // Killed with batches in hand; another one takes over.
    const writing = (async () => {
      for (let n = 0; n < 60; n += 1) {
        await pool.query('update listings set title = $2 where id % 60 = $1', [n, `changed ${n}`]);
        await pool.query('delete from listings where id = $1', [n + 1]);
      }
    })();
    first.kill('SIGKILL');
    const second = startTem(['worker'], environment);
    onTestFinished(async () => {
      await second.stop();
    });
    await writing;
    await pool.query(`insert into listings values (100000, 'poison', 'NaN')`);
    await second.ready();
    await scene.drained(90_000);
    const verified = await call('POST', '/v1/search-sync/verify', { table: 'listings' });
    expect(verified).toMatchObject({ checked: ROWS - 59, missing: 0, stale: 0, extra: 0 });
    await waitFor(async () => {
      const { jobs } = await call('GET', '/v1/search-sync/queue/jobs?status=failed');
      return jobs[0]?.error_message?.startsWith('Max retries exceeded (1/1): field price');
    }, 60_000);
    const { events } = await call('GET', '/v1/events?type=search.document');
    expect(events).toMatchObject([{ state: 'EXTINCT', lastError: expect.stringContaining('price') }]);
    expect((await call('GET', '/v1/search-sync/queue/health')).issues).not.toContainEqual(
      expect.stringContaining('no processor'),
    );
  }, 240_000);
});
