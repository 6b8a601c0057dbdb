// Search sync over HTTP: the shapes that pages know, under both prefixes, with the API key.

import { expect, test } from 'vitest';
import { openApi } from './api.ts';
import { describeSearch, setup } from './setup.ts';

const LISTINGS = `create table listings (id integer primary key, title text, price numeric, status text default 'active')`;

describeSearch('search sync over HTTP', () => {
  test('attaches, shows and detaches a table, and leaves no trace', async () => {
    const scene = await setup();
    const { pool, index } = scene;
    await pool.query(LISTINGS);
    const call = await openApi(scene);
    const path = '/v1/search-sync/mappings/listings';
    const put = await call('PUT', path, { index, id: 'id', where: "status = 'active'" });
    expect(put).toMatchObject({
      status: 201,
      body: {
        table: 'listings',
        index,
        id: ['id'],
        where: "status = 'active'",
        suggest: ['title'],
        target: ['default'],
      },
    });
    expect(put.body.indices).toMatchObject([{ state: 'loading', event: expect.any(String) }]);
    expect((await call('PUT', path, { index, id: 'id', where: "status = 'active'" })).status).toBe(200);
    expect((await call('PUT', path, { index: `${index}-other`, id: 'id' })).body).toMatchObject({
      code: 'mapping_exists',
    });
    expect((await call('GET', path)).body).toMatchObject({ index });
    expect((await call('GET', '/v1/search-sync/mappings')).body.mappings).toHaveLength(1);
    const [load] = put.body.indices;
    expect((await call('GET', `/v1/search-sync/reindex/${load.id}`)).body).toMatchObject({ id: load.id, loaded: 0 });
    expect((await call('DELETE', path)).body).toEqual({ table: 'listings', detached: true });
    expect((await call('GET', path)).status).toBe(404);
    const { rows } = await pool.query(
      `select (select count(*)::int from pg_trigger where not tgisinternal and tgrelid = 'listings'::regclass) as triggers,
        (select count(*)::int from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'tem'
          and p.proname ~ '^search_[0-9]') as functions,
        to_regclass('elasticsearch_sync_queue') as queue`,
    );
    expect(rows[0]).toEqual({ triggers: 0, functions: 0, queue: null });
    expect(await scene.search(`${index}*/_count`)).toMatchObject({ count: 0 });
    expect(await scene.search(`_cat/indices/${index}*?format=json`)).toEqual([]);
  });

  test('refuses in words, before anything is changed', async () => {
    const scene = await setup();
    const { pool, index } = scene;
    await pool.query(`${LISTINGS}; create table keyless (a integer); create view seen as select 1 as id`);
    const call = await openApi(scene);
    const put = async (table: string, body: object) =>
      (await call('PUT', `/v1/search-sync/mappings/${table}`, body)).body;
    expect(await put('nowhere', { index })).toMatchObject({ status: 404, code: 'unknown_table' });
    expect(await put('keyless', { index })).toMatchObject({ status: 400, code: 'no_key', path: '/id' });
    expect(await put('seen', { index })).toMatchObject({ status: 400, code: 'not_a_table' });
    expect(await put('listings', {})).toMatchObject({ status: 400, code: 'missing_field', path: '/index' });
    expect(await put('listings', { index: 'Upper' })).toMatchObject({ status: 400, path: '/index' });
    expect(await put('listings', { index, where: 'nothing = 1' })).toMatchObject({
      status: 400,
      code: 'invalid_where',
    });
    expect(await put('listings', { index, where: 'true); drop table listings; select (true' })).toMatchObject({
      status: 400,
      code: 'invalid_where',
    });
    expect(await put('listings', { index, id: 'title' })).toMatchObject({ status: 400, code: 'no_key' });
    expect(await put('listings', { index, columns: ['no'] })).toMatchObject({ status: 400, path: '/columns/0' });
    expect(await put('listings', { index, target: 'other' })).toMatchObject({ status: 400, path: '/target' });
    expect(await put('listings', { index, dependencies: ['x'] })).toMatchObject({
      status: 400,
      path: '/dependencies/0',
    });
    await fetch(`${scene.url}/${index}`, { method: 'PUT' });
    expect(await put('listings', { index })).toMatchObject({ status: 409, code: 'index_exists' });
    const { rows } = await pool.query(`select count(*)::int as count from tem.search_mapping`);
    expect(rows[0].count).toBe(0);
  });

  test('answers the calls of the queue in their shapes under both prefixes', async () => {
    const scene = await setup();
    const { pool, index } = scene;
    await pool.query(LISTINGS);
    const call = await openApi(scene);
    expect((await call('GET', '/v1/search-sync/queue/stats')).body).toEqual({
      total: 0,
      pending: 0,
      processing: 0,
      completed: 0,
      failed: 0,
      stuck: 0,
      avgProcessingTime: 0,
      lastProcessedAt: null,
    });
    await call('PUT', '/v1/search-sync/mappings/listings', { index });
    await pool.query(`insert into listings select n, 'listing ' || n from generate_series(1, 3) n`);
    await pool.query(`update elasticsearch_sync_queue set status = 'failed', retry_count = 3 where record_id = '2'`);
    for (const prefix of ['/v1/search-sync/queue', '/api/v1/ai-suggestions/queue']) {
      expect((await call('GET', `${prefix}/stats`, undefined, null)).status).toBe(401);
      expect((await call('GET', `${prefix}/stats`)).body).toMatchObject({ total: 3, pending: 2, failed: 1 });
      const jobs = await call('GET', `${prefix}/jobs?status=failed&limit=1`);
      expect(jobs.body).toMatchObject({ total: 1, page: 1, limit: 1 });
      expect(Object.keys(jobs.body.jobs[0])).toEqual([
        'id',
        'table_name',
        'operation',
        'record_id',
        'change_data',
        'status',
        'retry_count',
        'error_message',
        'created_at',
        'processed_at',
      ]);
      expect((await call('GET', `${prefix}/jobs?status=strange`)).status).toBe(400);
      expect((await call('GET', `${prefix}/health`)).body).toMatchObject({
        status: 'unhealthy',
        issues: [expect.stringContaining('no processor')],
        stuckJobs: 0,
        errorRate: 0,
      });
      expect((await call('POST', `${prefix}/stop`)).body).toMatchObject({ success: true });
      expect((await call('POST', `${prefix}/start`)).body).toMatchObject({ success: true });
    }
    expect((await call('POST', '/v1/search-sync/queue/retry-failed')).body).toMatchObject({
      retried: 1,
      success: true,
    });
    expect((await call('POST', '/v1/search-sync/queue/clear')).status).toBe(400);
    expect((await call('POST', '/v1/search-sync/queue/clear', { confirm: true })).body).toMatchObject({
      cleared: 3,
      dropped: { pending: 3 },
      success: true,
      message: 'dropped: 3 pending',
    });
    await pool.query(`insert into listings values (9, 'one more')`);
    expect((await call('POST', '/api/v1/ai-suggestions/queue/clear')).body).toMatchObject({
      cleared: 1,
      dropped: { pending: 1 },
      success: true,
    });
    const { rows } = await pool.query('select action, actor from tem.search_change order by id desc limit 1');
    expect(rows).toEqual([{ action: 'clear', actor: 'key settings' }]);
    for (const path of ['/v1/search-sync/test-connection', '/api/v1/elasticsearch/test-connection']) {
      expect((await call('GET', path)).body).toEqual({
        ok: true,
        product: 'opensearch',
        version: '2.19.1',
        latencyMs: expect.any(Number),
      });
    }
    expect((await call('GET', '/api/v1/health/detailed')).body).toMatchObject({
      memory: { rss: expect.any(Number) },
      database: { ok: true },
      target: { ok: true },
      queue: { pending: 0 },
    });
  });

  test('suggests what completes and what is like a text, in Turkish too, so many times a minute', async () => {
    const scene = await setup();
    const { pool, index } = scene;
    await pool.query(LISTINGS);
    await pool.query(
      `insert into listings (id, title) values (1, 'İSTANBUL Turu'), (2, 'Isparta gülü'), (3, 'iPhone 15'), (4, 'Ankara simidi')`,
    );
    const mapping = await scene.attach('listings');
    await scene.load(mapping);
    await scene.search(`${index}/_refresh`, {});
    const call = await openApi(scene, { TEM_SEARCH_SUGGEST_PER_MINUTE: '6' });
    const suggested = async (q: string) =>
      (await call('GET', `/v1/search/${index}/suggest?q=${encodeURIComponent(q)}`)).body.suggestions;
    expect((await suggested('istan'))[0]).toMatchObject({ id: '1', text: 'İSTANBUL Turu', score: expect.any(Number) });
    expect((await suggested('ısta'))[0]).toMatchObject({ id: '1' });
    expect((await suggested('ISPARTA'))[0]).toMatchObject({ id: '2' });
    expect((await suggested('iphnoe'))[0]).toMatchObject({ id: '3' });
    expect((await suggested('simid'))[0]).toMatchObject({ id: '4' });
    expect((await call('GET', `/v1/search/${index}/suggest`)).status).toBe(400);
    await suggested('x');
    const refused = await call('GET', `/v1/search/${index}/suggest?q=a`);
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_requests' } });
  });

  test('says that it is off, and how to turn it on', async () => {
    const scene = await setup();
    await scene.pool.query(LISTINGS);
    const call = await openApi(scene, { TEM_SEARCH_URL: '' });
    expect((await call('GET', '/v1/search-sync/test-connection')).body).toMatchObject({
      ok: false,
      detail: expect.stringContaining('TEM_SEARCH_URL'),
    });
    expect((await call('PUT', '/v1/search-sync/mappings/listings', { index: 'x' })).body).toMatchObject({
      code: 'search_sync_off',
      detail: expect.stringContaining('TEM_SEARCH_URL'),
    });
    expect((await call('GET', '/v1/search-sync/queue/stats')).body).toMatchObject({ total: 0 });
  });
});
