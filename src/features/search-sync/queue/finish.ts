// Marks what became of a batch's rows, in one statement that also ends the batch. A processor that has lost the batch finds
// it gone and marks nothing.

import type pg from 'pg';
import { DOCUMENT_TYPE } from '../document/type.ts';
import { QUEUE } from './table.ts';

export interface Finished {
  /** In the index, or on the way to one whose target is away. */
  done: { queueName: string; recordId: string; queueIds: string[] }[];
  /** To be taken again. */
  later: string[];
  refused: { queueName: string; recordId: string; queueIds: string[]; reason: string; version: string }[];
}

/** Resolves to whether the batch was still this processor's. */
export async function finishBatch(
  pool: pg.Pool,
  batchId: string,
  { done, later, refused }: Finished,
  idType: string,
): Promise<boolean> {
  const { rows } = await pool.query<{ mine: boolean }>({
    text: finishSql(idType, refused.length > 0),
    values: [
      batchId,
      done.flatMap(({ queueIds }) => queueIds),
      later,
      done.map(({ queueName }) => queueName),
      done.map(({ recordId }) => recordId),
      ...(refused.length > 0
        ? [
            refused.flatMap(({ queueIds }) => queueIds),
            refused.flatMap(({ queueIds, reason }) => queueIds.map(() => reason)),
            refused.map(({ queueName }) => queueName),
            refused.map(({ recordId }) => recordId),
            refused.map(({ version }) => version),
          ]
        : []),
    ],
  });
  return rows[0]?.mine ?? false;
}

function finishSql(idType: string, someRefused: boolean): string {
  return `
    with mine as materialized (delete from tem.search_batch where id = $1::uuid returning id),
    done as (
      update ${QUEUE} q set status = 'completed', processed_at = clock_timestamp(), error_message = null
      where q.id = any($2::text[]::${idType}[]) and exists (select from mine)
    ), later as (
      update ${QUEUE} q set status = 'pending' where q.id = any($3::text[]::${idType}[]) and exists (select from mine)
    ), healed as (
      -- An earlier change of the record that was refused: what is in the index now is newer.
      update ${QUEUE} q set status = 'completed', processed_at = clock_timestamp(), error_message = null
      from unnest($4::text[], $5::text[]) as d(queue_name, record_id)
      where q.status = 'failed' and q.table_name = d.queue_name and q.record_id = d.record_id and exists (select from mine)
        and exists (select from ${QUEUE} f where f.status = 'failed')
    )${someRefused ? REFUSED(idType) : ''}
    select exists (select from mine) as mine${someRefused ? ', (select count(*) from asked)' : ''}`;
}

const REFUSED = (idType: string): string => `, refused as (
      update ${QUEUE} q set status = 'failed', processed_at = clock_timestamp(), error_message = r.reason,
        retry_count = q.retry_count + 1
      from unnest($6::text[]::${idType}[], $7::text[]) as r(id, reason) where q.id = r.id and exists (select from mine)
    ), asked as (
      select tem.enqueue('${DOCUMENT_TYPE}', jsonb_build_object('table', a.queue_name, 'id', a.record_id),
        a.queue_name || '/' || left(md5(a.record_id), 16) || '/' || a.version)
      from unnest($8::text[], $9::text[], $10::text[]) as a(queue_name, record_id, version) where exists (select from mine)
    )`;

/** Gives back a batch's rows; for a batch that couldn't be worked on at all. */
export async function releaseBatch(pool: pg.Pool, batchId: string, idType: string): Promise<void> {
  await pool.query(
    `with gone as (delete from tem.search_batch where id = $1::uuid returning queue_ids)
      update ${QUEUE} q set status = 'pending' from gone g where q.id = any(g.queue_ids::${idType}[]) and q.status = 'processing'`,
    [batchId],
  );
  await pool.query('update tem.search_dirty set batch_id = null where batch_id = $1::uuid', [batchId]);
}
