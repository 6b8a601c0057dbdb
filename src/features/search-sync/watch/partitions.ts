// Partitions that were added after a table was attached get its triggers: statements that name a partition fire no trigger of
// the table above it.

import type pg from 'pg';
import type { Logger } from 'pino';
import { place } from '../attach/attach.ts';
import { TRIGGER_PREFIX, tableTriggers } from '../attach/triggers.ts';
import type { Mapping } from '../mapping.ts';
import { readTable } from '../source/table.ts';

export async function addPartitionTriggers(pool: pg.Pool, mapping: Mapping, log: Logger): Promise<void> {
  const table = await readTable(pool, { schema: mapping.schema, name: mapping.table });
  if (!table || table.partitions.length === 0) return;
  const { rows } = await pool.query<{ missing: boolean }>(
    `select exists (select from unnest($1::text[], $2::text[]) as p(schema, name)
        join pg_namespace n on n.nspname = p.schema join pg_class c on c.relnamespace = n.oid and c.relname = p.name
        where not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = '${TRIGGER_PREFIX}_insert')) as missing`,
    [table.partitions.map(({ schema }) => schema), table.partitions.map(({ name }) => name)],
  );
  if (!rows[0]?.missing) return;
  log.info({ table: mapping.queueName }, 'new partitions get triggers');
  await place(pool, tableTriggers(mapping, table));
  // What a partition brought along, or got before it had triggers.
  await pool.query('insert into tem.search_sweep (mapping_id) values ($1)', [mapping.mappingId]);
}
