// How a target is, kept where everybody can read it. When a node has started anew, the deletes of the last minutes are looked
// at again: their versions lived in its memory, and a late write might have brought a record back (rule 24).

import type pg from 'pg';
import type { Logger } from 'pino';
import { QUEUE, readQueueTable } from '../queue/table.ts';
import { nodeStarts } from '../target/indices.ts';
import type { Target } from '../target/target.ts';

/** Longer than a write may be on its way. */
const DELETES_OF_MINUTES = 15;

/** Resolves to whether it answers. */
export async function lookAtTarget(pool: pg.Pool, target: Target, log: Logger): Promise<boolean> {
  let detail: string | null = null;
  let nodes: Record<string, number> | undefined;
  try {
    const { product, version } = await target.describe();
    detail = `${product} ${version}`;
    nodes = await nodeStarts(target);
  } catch (error) {
    detail = (error as Error).message;
  }
  const { rows } = await pool.query<{ before: boolean | null; nodes: Record<string, number> | null }>(
    `with before as (select t.reachable, t.nodes from tem.search_target t where t.name = $1),
      kept as (
        insert into tem.search_target as t (name, reachable, detail, nodes) values ($1, $2, $3, coalesce($4::jsonb, '{}'))
        on conflict (name) do update set reachable = excluded.reachable, detail = excluded.detail,
          checked_at = clock_timestamp(), nodes = coalesce($4::jsonb, t.nodes),
          since = case when t.reachable = excluded.reachable then t.since else clock_timestamp() end
      )
      select (select reachable from before) as before, (select nodes from before) as nodes`,
    [target.name, nodes !== undefined, detail, nodes ? JSON.stringify(nodes) : null],
  );
  const before = rows[0];
  if (before?.before === true && nodes === undefined) log.error({ target: target.name, detail }, 'a target is away');
  if (before?.before === false && nodes !== undefined) log.info({ target: target.name }, 'a target is back');
  if (nodes !== undefined && before?.nodes && startedAnew(before.nodes, nodes)) await lookAgainAtDeletes(pool, log);
  return nodes !== undefined;
}

/** Whether a node has another start than it had; new nodes have nothing to forget. */
export function startedAnew(before: Record<string, number>, now: Record<string, number>): boolean {
  return Object.entries(now).some(([id, at]) => before[id] !== undefined && before[id] !== at);
}

/** Records that were deleted lately are written anew: read from the table, so a delete again if they are gone. */
export async function lookAgainAtDeletes(pool: pg.Pool, log: Logger): Promise<number> {
  if (!(await readQueueTable(pool))) return 0;
  const { rowCount } = await pool.query(
    `insert into tem.search_dirty (index_id, record_id)
      select distinct i.id, q.record_id from ${QUEUE} q join tem.search_mapping m on m.queue_name = q.table_name
        join tem.search_index i on i.mapping_id = m.id and i.state in ('loading', 'live')
        where q.operation <> 'INSERT' and q.status = 'completed' and q.processed_at > now() - $1 * interval '1 minute'
        order by i.id, q.record_id
      on conflict (index_id, record_id) do update set changes = tem.search_dirty.changes + 1`,
    [DELETES_OF_MINUTES],
  );
  if (rowCount)
    log.warn({ records: rowCount }, 'a target has started anew: deletes of the last minutes are looked at again');
  return rowCount ?? 0;
}
