// "Record X changed", for one index: the second queue, for fan-outs, repairs and what a target missed while it was away.
// Only processors write it, in order of record, so that no writer of the application ever waits for it.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { DOCUMENT_TYPE } from '../document/type.ts';
import { IN_ORDER, SEPARATOR } from '../queue/claim.ts';
import { type Outcome, refusalText } from '../target/bulk.ts';
import type { Catalog } from './catalog.ts';
import { grouped } from './grouped.ts';
import type { Troubles } from './troubles.ts';
import { type WriteDependencies, writeRecords } from './write.ts';

const CLAIM_LOCK = 7_817_240_017;

/** Adds records that are to be written anew to an index; one that waits already is noted as changed again. */
export async function markDirty(
  pool: Pick<pg.Pool, 'query'>,
  records: readonly { indexId: string; recordId: string }[],
): Promise<void> {
  await pool.query(
    `insert into tem.search_dirty (index_id, record_id)
      select distinct d.index_id, d.record_id from unnest($1::bigint[], $2::text[]) as d(index_id, record_id)
        join tem.search_index i on i.id = d.index_id and i.state in ('loading', 'live')
        order by d.index_id, d.record_id
      on conflict (index_id, record_id) do update set changes = tem.search_dirty.changes + 1`,
    [records.map(({ indexId }) => indexId), records.map(({ recordId }) => recordId)],
  );
}

interface DirtyRow {
  indexId: string;
  recordId: string;
  changes: string;
  version: string;
  revision: string;
}

export interface DirtyBatch {
  id: string;
  rows: DirtyRow[];
  revision: string;
}

/** The records that wait for longest, of these indices; undefined when none does. */
export async function claimDirty(
  pool: pg.Pool,
  { processorId, indexIds, limit }: { processorId: string; indexIds: readonly string[]; limit: number },
): Promise<DirtyBatch | undefined> {
  const id = randomUUID();
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(`begin; ${IN_ORDER}; select pg_advisory_xact_lock(${CLAIM_LOCK})`);
    const { rows } = await client.query<DirtyRow>({
      name: 'search-claim-dirty',
      text: CLAIM,
      values: [id, processorId, indexIds, limit, SEPARATOR],
    });
    await client.query('commit');
    return rows.length === 0 ? undefined : { id, rows, revision: rows[0]?.revision ?? '' };
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

const CLAIM = `
  with busy as materialized (select unnest(b.records) as record from tem.search_batch b),
  picked as materialized (
    select p.* from tem.search_index i join tem.search_mapping m on m.id = i.mapping_id, lateral (
        select d.index_id, d.record_id, d.since, m.queue_name from tem.search_dirty d
        where d.batch_id is null and d.index_id = i.id and m.queue_name || $5 || d.record_id not in (select record from busy)
        order by d.since limit $4 for update of d skip locked
      ) p
    where i.id = any($3::bigint[]) and not (select s.paused from tem.search_state s)
    order by p.since limit $4
  ), taken as (
    update tem.search_dirty d set batch_id = $1::uuid from picked p
    where d.index_id = p.index_id and d.record_id = p.record_id
    returning d.index_id, d.record_id, d.changes, p.queue_name
  ), noted as (
    insert into tem.search_batch (id, processor_id, queue_ids, records)
    select $1::uuid, $2::uuid, '{}', array_agg(distinct t.queue_name || $5 || t.record_id) from taken t having count(*) > 0
  )
  select t.index_id::text as "indexId", t.record_id as "recordId", t.changes::text,
    nextval('tem.search_version')::text as version, (select s.revision::text from tem.search_state s) as revision
  from taken t`;

export interface DirtyResult {
  done: number;
  later: number;
  bytes: number;
  missing: string[];
}

/** Throws when Postgres is away; then the batch is still to be released. */
export async function runDirtyBatch(
  dependencies: WriteDependencies & { troubles: Troubles },
  batch: DirtyBatch,
  catalog: Catalog,
): Promise<DirtyResult> {
  const done: DirtyRow[] = [];
  const refused: { row: DirtyRow; queueName: string; reason: string }[] = [];
  const missing = new Set<string>();
  let bytes = 0;
  for (const [indexId, rows] of grouped(batch.rows, (row) => row.indexId)) {
    const mapping = catalog.byIndex(indexId);
    const index = mapping?.indices.find(({ id }) => id === indexId);
    if (!mapping || !index) continue;
    const written = await dependencies.troubles.reading(mapping, () =>
      writeRecords(dependencies, mapping, [index], rows),
    );
    if (!written) continue;
    bytes += written.bytes;
    for (const row of rows) {
      const outcome: Outcome | undefined = written.outcomes.get(row.recordId)?.get(indexId);
      if (outcome?.kind === 'done') done.push(row);
      if (outcome?.kind === 'missing') missing.add(indexId);
      if (outcome?.kind === 'refused')
        refused.push({ row, queueName: mapping.queueName, reason: refusalText(outcome) });
    }
  }
  await finish(dependencies.pool, batch.id, done, refused);
  return { done: done.length, later: batch.rows.length - done.length - refused.length, bytes, missing: [...missing] };
}

async function finish(
  pool: pg.Pool,
  batchId: string,
  done: readonly DirtyRow[],
  refused: readonly { row: DirtyRow; queueName: string }[],
): Promise<void> {
  const gone = [...done, ...refused.map(({ row }) => row)];
  await pool.query(
    `with mine as materialized (delete from tem.search_batch where id = $1::uuid returning id),
      gone as (
        delete from tem.search_dirty d using unnest($2::bigint[], $3::text[], $4::bigint[]) as g(index_id, record_id, changes)
        where d.index_id = g.index_id and d.record_id = g.record_id and d.changes = g.changes and d.batch_id = $1::uuid
          and exists (select from mine) returning d.index_id, d.record_id
      ), asked as (
        select tem.enqueue('${DOCUMENT_TYPE}', jsonb_build_object('table', a.queue_name, 'id', a.record_id),
          a.queue_name || '/' || left(md5(a.record_id), 16) || '/' || a.version)
        from unnest($5::text[], $6::text[], $7::text[]) as a(queue_name, record_id, version) where exists (select from mine)
      )
      select (select count(*) from gone), (select count(*) from asked)`,
    [
      batchId,
      gone.map(({ indexId }) => indexId),
      gone.map(({ recordId }) => recordId),
      gone.map(({ changes }) => changes),
      refused.map(({ queueName }) => queueName),
      refused.map(({ row }) => row.recordId),
      refused.map(({ row }) => row.version),
    ],
  );
  // A change that came meanwhile, and what has to come again.
  await pool.query('update tem.search_dirty set batch_id = null where batch_id = $1::uuid', [batchId]);
}
