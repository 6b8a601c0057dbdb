// Takes waiting rows in sets, by their status and never by the last id: a row may be committed late. A record is in one
// batch at a time, so that its changes stay in order; the version of its document is drawn in the claim, before the document
// is read (rule 24).

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { QUEUE } from './table.ts';

/** A record to be written: all its claimed rows become one document. */
export interface ClaimedRecord {
  queueName: string;
  recordId: string;
  version: string;
  queueIds: string[];
}

export interface Batch {
  id: string;
  records: ClaimedRecord[];
  rows: number;
  /** Of the mappings, as of the claim. */
  revision: string;
}

export interface ClaimWish {
  processorId: string;
  /** Tables whose rows may be taken. */
  queueNames: readonly string[];
  limit: number;
  idType: string;
}

/** Between a table and a record in `tem.search_batch.records`; neither holds it. */
export const SEPARATOR = '\u001f';
/** Serializes claims of all processors, which take milliseconds, so that each sees the others' records. */
const CLAIM_LOCK = 7_817_240_017;

/** From the oldest row on, never all that wait: a planner whose statistics are old takes a long queue for a short one. */
export const IN_ORDER =
  'set local enable_sort = off; set local enable_bitmapscan = off; set local enable_seqscan = off';

interface Row {
  id: string;
  table: string;
  record: string;
  version: string;
  revision: string;
}

/** The next rows in order of id; undefined when none waits, TEM is stopped, or all are of records in other hands. */
export async function claimRows(pool: pg.Pool, wish: ClaimWish): Promise<Batch | undefined> {
  const id = randomUUID();
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(`begin; ${IN_ORDER}; select pg_advisory_xact_lock(${CLAIM_LOCK})`);
    const { rows } = await client.query<Row>({
      name: 'search-claim',
      text: claimSql(),
      values: [id, wish.processorId, wish.queueNames, wish.limit, SEPARATOR],
    });
    await client.query('commit');
    return rows.length === 0
      ? undefined
      : { id, records: byRecord(rows), rows: rows.length, revision: rows[0]?.revision ?? '' };
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

function claimSql(): string {
  return `
    with busy as materialized (select unnest(b.records) as record from tem.search_batch b),
    picked as materialized (
      select q.id from ${QUEUE} q
      where q.status = 'pending' and q.table_name = any($3::text[])
        and q.table_name || $5 || q.record_id not in (select record from busy)
        and not (select s.paused from tem.search_state s)
      order by q.id limit $4 for update skip locked
    ), taken as (
      update ${QUEUE} q set status = 'processing' from picked p where q.id = p.id
      returning q.id, q.table_name as "table", q.record_id as record
    ), noted as (
      insert into tem.search_batch (id, processor_id, queue_ids, records)
      select $1::uuid, $2::uuid, array_agg(t.id::text), array_agg(distinct t."table" || $5 || t.record) from taken t
      having count(*) > 0
    )
    select t.id::text, t."table", t.record, nextval('tem.search_version')::text as version,
      (select s.revision::text from tem.search_state s) as revision
    from taken t order by t.id`;
}

/** The latest version that was drawn counts: the document is read after all of them. */
function byRecord(rows: readonly Row[]): ClaimedRecord[] {
  const records = new Map<string, ClaimedRecord>();
  for (const { id, table, record, version } of rows) {
    const key = `${table}${SEPARATOR}${record}`;
    const known = records.get(key);
    if (known) {
      known.queueIds.push(id);
      known.version = version;
    } else records.set(key, { queueName: table, recordId: record, version, queueIds: [id] });
  }
  return [...records.values()];
}
