// Search sync in real processes: an API that attaches, workers that load and keep up, killed while they do.

import { expect, onTestFinished, test } from 'vitest';
import { ADMIN_KEY, testEnvironment } from '../../support/environment.ts';
import { startTem } from '../../support/processes.ts';
import { createNamespace } from '../../support/temporal.ts';
import { waitFor } from '../../support/wait.ts';
import { faultyTarget } from './faulty-target.ts';
import { describeSearch, setup } from './setup.ts';

const ROWS = 1_500;

describeSearch('workers', () => {
  test('load a table, keep up while they are killed, report a poison document, and count no attempt while the target is away', async () => {
    const { state, url: faulty } = await faultyTarget();
    const scene = await setup({ url: faulty });
    const { pool, index } = scene;
    await pool.query('create table listings (id integer primary key, title text, price float8)');
    await pool.query(`insert into listings select n, 'listing ' || n, n from generate_series(1, ${ROWS}) n`);
    const environment = testEnvironment(scene, await createNamespace(), {
      TEM_SEARCH_URL: scene.url,
      TEM_SEARCH_ATTEMPTS: '2',
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
    await waitFor(async () => (await call('GET', load)).state === 'live', 120_000);
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
      return jobs[0]?.error_message?.startsWith('Max retries exceeded (2/2): field price');
    }, 60_000);
    const { events } = await call('GET', '/v1/events?type=search.document');
    expect(events).toMatchObject([{ state: 'EXTINCT', lastError: expect.stringContaining('price') }]);
    // The target is away when the second attempt is due: it doesn't count, and the record that was corrected goes through.
    await pool.query(`insert into listings values (100001, 'poison too', 'NaN')`);
    const newest = async () => (await call('GET', '/v1/events?type=search.document')).events[0];
    await waitFor(async () => (await newest()).state === 'FAILED', 30_000);
    state.fault = 'away';
    await waitFor(async () => (await newest()).state === 'QUEUED', 30_000);
    const { rows } = await pool.query(
      `select e.retry_count, t.error from tem.event e join tem.transition t on t.event_id = e.id
        where e.id = $1 and t.to_state = 'QUEUED' order by t.version desc limit 1`,
      [(await newest()).id],
    );
    expect(rows).toEqual([{ retry_count: 1, error: expect.stringContaining("can't be reached") }]);
    await pool.query('update listings set price = 1 where id = 100001');
    state.fault = 'none';
    await waitFor(async () => (await newest()).state === 'PROCESSED', 60_000);
    await scene.drained(60_000);
    expect((await call('GET', '/v1/search-sync/queue/jobs?status=failed')).total).toBe(1);
    expect((await call('GET', '/v1/search-sync/queue/health')).issues).not.toContainEqual(
      expect.stringContaining('no processor'),
    );
  }, 420_000);
});
