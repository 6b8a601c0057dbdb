// The audit is only ever added to, and never holds what is a secret by its name.

import { expect, it } from 'vitest';
import { maskSecretNames, writeAudit } from '../../src/core/audit.ts';
import { createDatabase } from '../support/database.ts';

const entry = { actor: 'key ops', action: 'event.retry', target: '1' };

it('commits with the change, or not at all', async () => {
  const { pool } = await createDatabase();
  const client = await pool.connect();
  await client.query('begin');
  await writeAudit(client, { ...entry, before: { state: 'EXTINCT' }, reason: 'the shop is back' });
  await client.query('rollback');
  client.release();
  expect((await pool.query('select * from tem.audit')).rows).toEqual([]);
  await writeAudit(pool, { ...entry, before: { state: 'EXTINCT' }, reason: 'the shop is back' });
  expect((await pool.query('select * from tem.audit')).rows).toMatchObject([
    { ...entry, before: { state: 'EXTINCT' }, after: null, reason: 'the shop is back' },
  ]);
});

it('takes no change, no delete and no row of the past', async () => {
  const { pool } = await createDatabase();
  await writeAudit(pool, entry);
  await pool.query(`insert into tem.audit (at, actor, action, target) values ('2000-01-01', 'a', 'b.c', 'd')`);
  for (const statement of [
    `update tem.audit set actor = 'somebody else'`,
    'delete from tem.audit',
    'truncate tem.audit',
    `with on_ as (select set_config('tem.pruning_audit', 'on', true)) delete from tem.audit using on_`,
  ]) {
    await expect(pool.query(statement), statement).rejects.toThrow('the audit is only ever added to');
  }
  const { rows } = await pool.query(
    `select count(*)::int as rows from tem.audit where at > now() - interval '1 minute'`,
  );
  expect(rows).toEqual([{ rows: 2 }]);
});

it('loses what is older than its retention, and never what is younger than 30 days', async () => {
  const { pool } = await createDatabase();
  await pool.query('alter table tem.audit disable trigger audit_rows');
  await pool.query(
    `insert into tem.audit (at, actor, action, target) select now() - d * interval '1 day', 'a', 'b.c', d::text
     from unnest(array[500, 401, 399, 31, 29, 0]) as d`,
  );
  await pool.query('alter table tem.audit enable trigger audit_rows');
  const left = async (retention: string): Promise<string[]> => {
    await pool.query('select tem.prune_audit($1, 1000)', [retention]);
    return (await pool.query('select target from tem.audit order by id')).rows.map(({ target }) => target);
  };
  expect(await left('400 days')).toEqual(['399', '31', '29', '0']);
  expect(await left('0 days')).toEqual(['29', '0']);
});

it('masks secrets by their names, at any depth', () => {
  expect(
    maskSecretNames({ name: 'a', apiKey: 'x', list: [{ headers: { Authorization: 'Bearer y' } }], token: null }),
  ).toEqual({ name: 'a', apiKey: '[secret]', list: [{ headers: { Authorization: '[secret]' } }], token: null });
});
