// `tem search` as people run it: processes that talk to a real API, beside a worker.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ADMIN_KEY, testEnvironment } from '../../support/environment.ts';
import { startTem } from '../../support/processes.ts';
import { createNamespace } from '../../support/temporal.ts';
import { waitFor } from '../../support/wait.ts';
import { describeSearch, setup } from './setup.ts';

describeSearch('tem search', () => {
  test('attaches, says how things stand, compares, repairs, makes anew and detaches', async () => {
    const scene = await setup();
    const { pool, index } = scene;
    await pool.query(`create table listings (id integer primary key, title text, status text);
      insert into listings select n, 'listing ' || n, 'active' from generate_series(1, 20) n`);
    const environment = testEnvironment(scene, await createNamespace(), { TEM_SEARCH_URL: scene.url });
    const processes = [startTem(['api'], environment), startTem(['worker'], environment)];
    onTestFinished(async () => void (await Promise.all(processes.map((each) => each.stop()))));
    const [ready] = await Promise.all(processes.map((each) => each.ready()));
    const run = async (...args: string[]) => {
      const command = startTem(['search', ...args], { TEM_API_URL: String(ready?.url), TEM_ADMIN_KEY: ADMIN_KEY });
      const { code } = await command.exited;
      return { code, out: command.stdout(), error: command.stderr() };
    };

    expect(await run('attach', 'listings', '--index', index, '--where', 'nothing = 1')).toMatchObject({
      code: 4,
      error: expect.stringContaining('column "nothing" does not exist'),
    });
    expect(await run('attach', 'listings', '--index', index, '--where', "status = 'active'")).toMatchObject({
      code: 0,
      out: expect.stringContaining(`listings is mirrored to ${index}`),
    });
    await waitFor(async () => (await run('status')).out.includes(': live'), 60_000);
    expect((await run()).out).toMatch(/target {4}opensearch 2\..*\nqueue {5}healthy: 0 pending/);
    const { connection, stats, mappings } = JSON.parse((await run('status', '--json')).out);
    expect([connection.ok, stats.failed, mappings.length]).toEqual([true, 0, 1]);

    // Behind TEM's back.
    await pool.query(`set session_replication_role = replica; update listings set title = 'changed' where id = 7;
      reset session_replication_role`);
    const differs = await run('verify', 'listings');
    expect(differs).toMatchObject({ code: 1, error: expect.stringContaining('--repair') });
    expect(differs.out).toBe('20 checked: 0 missing, 1 stale, 0 extra, 0 to be repaired\n  stale 7\n');
    expect(await run('verify', 'listings', '--repair')).toMatchObject({
      code: 0,
      out: expect.stringContaining('1 to be repaired'),
    });
    await scene.drained();
    expect(JSON.parse((await run('verify', 'listings', '--json')).out)).toMatchObject({ checked: 20, stale: 0 });

    const folder = mkdtempSync(join(tmpdir(), 'tem-query-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const query = join(folder, 'listings.sql');
    writeFileSync(query, 'select id, upper(title) as title from listings');
    expect(await run('attach', 'listings', '--index', index, '--sql', join(folder, 'none.sql'))).toMatchObject({
      code: 2,
      error: expect.stringContaining("can't be read"),
    });
    expect(await run('attach', 'listings', '--index', index, '--sql', query)).toMatchObject({ code: 0 });
    await waitFor(async () => {
      const found = await scene.search(`${index}/_doc/7`);
      return (found._source as { title: string }).title === 'CHANGED';
    }, 60_000);
    expect(await run('reindex', 'listings', '--wait')).toMatchObject({ code: 0, out: expect.stringContaining('live') });
    expect(await run('detach', 'listings')).toMatchObject({ code: 0, out: 'listings is detached\n' });
    expect(await run('verify', 'listings')).toMatchObject({ code: 4, error: expect.stringContaining('listings') });
  }, 240_000);
});
