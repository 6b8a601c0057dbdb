// Keeps the queue from filling the disk when a target is away for days. Long: of each record only its newest row stays, and
// of that only that it changed. Full: nothing more is kept, and when there is room again every table is compared.

import type pg from 'pg';
import type { Logger } from 'pino';
import { type Keeps, readKeeps, setKeeps } from '../queue/keeps.ts';
import { QUEUE, readQueueTable } from '../queue/table.ts';

const MARKS_FROM = 0.5;
const WHOLE_BELOW = 0.25;
/** Rows looked at in one statement. */
const SLICE_ROWS = 50_000;
const SLICES_MAX = 200;

/** What the queue should keep, at this many waiting rows. */
export function keepsAt(pending: number, queueMax: number, now: Keeps): Keeps {
  if (pending >= queueMax) return 'full';
  if (pending < queueMax * WHOLE_BELOW) return 'whole';
  // Between the bounds it stays as it is, so that it doesn't go to and fro; a full one has room again below half.
  if (pending >= queueMax * MARKS_FROM) return now === 'full' ? 'full' : 'marks';
  return now === 'whole' ? 'whole' : 'marks';
}

export async function keepQueueShort(pool: pg.Pool, queueMax: number, log: Logger): Promise<void> {
  const queue = await readQueueTable(pool);
  if (!queue) return;
  const now = await readKeeps(pool);
  let pending = await countPending(pool, queueMax);
  if (keepsAt(pending, queueMax, now) !== 'whole') {
    const dropped = await compact(pool, queue.idType);
    if (dropped > 0) log.warn({ dropped }, 'the queue is long: of each record only its newest row stays');
    pending = await countPending(pool, queueMax);
  }
  const wanted = keepsAt(pending, queueMax, now);
  if (wanted !== now) {
    log[wanted === 'whole' ? 'info' : 'error'](
      { pending, queueMax, keeps: wanted },
      'what the queue keeps of a change is different from now on',
    );
  }
  await setKeeps(pool, wanted);
  await compareAfterwards(pool);
}

async function countPending(pool: pg.Pool, max: number): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::float8 as count from (select from ${QUEUE} q where q.status = 'pending' limit $1) as p`,
    [max],
  );
  return rows[0]?.count ?? 0;
}

/** Of rows that wait for the same record the newest stays, without what changed. */
async function compact(pool: pg.Pool, idType: string): Promise<number> {
  let dropped = 0;
  let after: string | null = null;
  for (let slice = 0; slice < SLICES_MAX; slice += 1) {
    const found = await compactSlice(pool, idType, after);
    dropped += found.dropped;
    if (found.looked < SLICE_ROWS) break;
    after = found.last;
  }
  return dropped;
}

interface Compacted {
  last: string | null;
  looked: number;
  dropped: number;
}

async function compactSlice(pool: pg.Pool, idType: string, after: string | null): Promise<Compacted> {
  const { rows } = await pool.query<Compacted>(
    `with slice as materialized (
        select q.id, q.table_name, q.record_id from ${QUEUE} q
        where q.status = 'pending' and ($1::text is null or q.id > $1::${idType})
        order by q.id limit ${SLICE_ROWS} for update skip locked
      ), newest as (
        select distinct on (s.table_name, s.record_id) s.id from slice s order by s.table_name, s.record_id, s.id desc
      ), dropped as (
        delete from ${QUEUE} q using slice s where q.id = s.id and s.id not in (select id from newest) returning 1
      ), emptied as (
        update ${QUEUE} q set change_data = null from newest n where q.id = n.id and q.change_data is not null
      )
      select (select id::text from slice order by id desc limit 1) as last, (select count(*)::int from slice) as looked,
        (select count(*)::int from dropped) as dropped`,
    [after],
  );
  return rows[0] ?? { last: null, looked: 0, dropped: 0 };
}

/** Once no transaction is left that may have found the queue full. */
async function compareAfterwards(pool: pg.Pool): Promise<void> {
  await pool.query(
    `with over as (
        update tem.search_state set compare_after = null
          where keeps <> 'full' and pg_snapshot_xmin(pg_current_snapshot()) > compare_after returning 1
      )
      insert into tem.search_sweep (mapping_id) select m.id from tem.search_mapping m where exists (select from over)`,
  );
}
