// Runs what docs/sql.md tells people to write: the grants are enough, and nothing more is given by them.

import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDatabase } from '../support/database.ts';

const page = readFileSync(new URL('../../docs/sql.md', import.meta.url), 'utf8');
const [example = '', grants = '', inSets = ''] = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql]) => sql);

/** A session of a role with nothing but its own tables; roles outlive databases, so it has a name of its own. */
async function setup() {
  const { databaseUrl, pool } = await createDatabase();
  const role = `shop_${new URL(databaseUrl).pathname.slice(1)}`;
  await pool.query(`
    create role ${role};
    create table public.orders (id text, total integer);
    create table public.customer (name text);
    insert into public.customer values ('ada'), ('grace');
    grant insert on public.orders to ${role};
    grant select on public.customer to ${role}`);
  const shop = await pool.connect();
  await shop.query(`set role ${role}`);
  onTestFinished(async () => {
    shop.release(true);
    await pool.query(`drop owned by ${role}; drop role ${role}`);
  });
  return { pool, shop, grant: () => pool.query(grants.replaceAll(' to shop;', ` to ${role};`)) };
}

describe('docs/sql.md', () => {
  it('gives a role what it needs to enqueue, and no sight of the ledger', async () => {
    const { pool, shop, grant } = await setup();
    await expect(shop.query(example)).rejects.toThrow('permission denied');
    await shop.query('rollback');
    await grant();
    await shop.query(example);
    const { rows } = await pool.query(`select type, key, state from tem.event`);
    expect(rows).toEqual([{ type: 'webhook', key: 'order-4711', state: 'QUEUED' }]);
    await expect(shop.query('select * from tem.event')).rejects.toThrow('permission denied');
  });

  it('takes a repeat for the same event, and refuses another payload with TM409', async () => {
    const { pool, shop, grant } = await setup();
    await grant();
    await shop.query(example);
    await shop.query(example);
    expect((await pool.query('select from tem.event')).rowCount).toBe(1);
    await expect(shop.query(example.replace('"4711"', '"4712"'))).rejects.toMatchObject({ code: 'TM409' });
    await shop.query('rollback');
    expect((await pool.query('select from public.orders')).rowCount).toBe(2);
  });

  it('refuses what can not be with TM400', async () => {
    const { shop, grant } = await setup();
    await grant();
    await expect(shop.query(`select tem.enqueue('no spaces', '{}')`)).rejects.toMatchObject({ code: 'TM400' });
    await expect(shop.query(`select tem.enqueue('webhook', '12345678901234567890')`)).rejects.toMatchObject({
      code: 'TM400',
    });
  });

  it('enqueues a set in one statement', async () => {
    const { pool, shop, grant } = await setup();
    await grant();
    await shop.query(inSets);
    const { rows } = await pool.query(`select payload->>'user' as "user" from tem.event order by 1`);
    expect(rows).toEqual([{ user: 'ada' }, { user: 'grace' }]);
  });
});
