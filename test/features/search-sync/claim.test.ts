// Claims read what waits from its oldest on, however much it is and however old Postgres's statistics are.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { claimDirty } from '../../../src/features/search-sync/processor/dirty.ts';
import { claimRows } from '../../../src/features/search-sync/queue/claim.ts';
import { ensureQueueTable } from '../../../src/features/search-sync/queue/table.ts';
import { createDatabase } from '../../support/database.ts';

async function openPool(): Promise<pg.Pool> {
  const { databaseUrl } = await createDatabase();
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  onTestFinished(() => pool.end());
  return pool;
}

/** The same pool, which keeps the plan of every named statement. */
function explaining(pool: pg.Pool): { pool: pg.Pool; plans: string[] } {
  const plans: string[] = [];
  const connect = async () => {
    const client = await pool.connect();
    const query = async (asked: string | { text: string; values: unknown[] }) => {
      if (typeof asked === 'string') return client.query(asked);
      const { rows } = await client.query({ text: `explain (format json) ${asked.text}`, values: asked.values });
      plans.push(JSON.stringify(rows));
      return client.query(asked);
    };
    return { query, release: (error?: Error) => client.release(error) };
  };
  return { pool: { connect } as unknown as pg.Pool, plans };
}

test('rows of the queue, in order of id, but none of a record in other hands', async () => {
  const pool = await openPool();
  await ensureQueueTable(pool, []);
  await pool.query(`insert into elasticsearch_sync_queue (table_name, operation, record_id)
    select case when n % 10 = 0 then 'others' else 'listings' end, 'UPDATE', (n % 1000)::text from generate_series(1, 5000) n`);
  const { pool: explained, plans } = explaining(pool);
  const wish = { processorId: randomUUID(), queueNames: ['listings'], limit: 4, idType: 'bigint' };
  const first = await claimRows(explained, wish);
  expect(first?.records.map(({ queueIds }) => queueIds)).toEqual([['1'], ['2'], ['3'], ['4']]);
  await pool.query(`update elasticsearch_sync_queue set record_id = '2' where id in (6, 7)`);
  const second = await claimRows(explained, wish);
  expect(second?.records.map(({ queueIds }) => queueIds)).toEqual([['5'], ['8'], ['9'], ['11']]);
  expect(BigInt(second?.records[0]?.version ?? 0)).toBeGreaterThan(BigInt(first?.records[3]?.version ?? 0));
  for (const plan of plans) {
    expect(plan).toContain('"Index Name":"tem_search_pending"');
    expect(plan).not.toContain('Bitmap');
  }
});

test('records that changed, from the index that waits for longest', async () => {
  const pool = await openPool();
  await pool.query(`insert into tem.search_mapping (table_schema, table_name, queue_name, definition)
      values ('public', 'listings', 'listings', '{}');
    insert into tem.search_index (mapping_id, target, name) values (1, 'a', 'x'), (1, 'b', 'x');
    insert into tem.search_dirty (index_id, record_id, since)
      select 1 + n % 2, n::text, now() - n * interval '1 s' from generate_series(1, 5000) n`);
  const { pool: explained, plans } = explaining(pool);
  const claimed = await claimDirty(explained, { processorId: randomUUID(), indexIds: ['1', '2'], limit: 4 });
  expect(claimed?.rows.map(({ recordId }) => recordId).sort()).toEqual(['4997', '4998', '4999', '5000']);
  expect(plans[0]).toContain('"Index Name":"search_dirty_waiting"');
});
