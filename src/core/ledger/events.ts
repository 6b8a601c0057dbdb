// Reading events: one, a page of them, or the history of one. Lists page by keyset, newest first, so that a page
// never shifts when new events arrive.

import type { Pool } from 'pg';
import { candidates, type EventFilter, isSlow } from './candidates.ts';
import { readWithin } from './pool.ts';
import { type EventRow, instant, masked, type PreviousPayload } from './present.ts';
import type { EventState } from './states.ts';
import type { TypeDirectory } from './type-directory.ts';

export interface HistoryEntry {
  at: string | null;
  from: EventState | null;
  to: EventState;
  attempt: number | null;
  error: string | null;
  actor: string;
}

/** A search that took longer than it may. */
export class SearchTooBroad extends Error {
  override readonly name = 'SearchTooBroad';
}

interface Found extends EventRow {
  /** How many events the page could have had, and one that comes after it. */
  found: number;
}

const COLUMNS = `
  e.id, e.type, e.key, e.payload, e.priority, e."group", e.run_at, e.expires_at, e.state, e.retry_count, e.max_attempts, e.last_error,
  e.next_retry_at, e.locked_at, e.result, e.created_at, e.updated_at, e.processed_at, e.source, e.workflow_id,
  e.cancel_requested, e.compensating, e.compensation_error, e.crash_count, e.pruned, e.trace_context,
  e.due_at is not null as queued,
  case when e.line is not null and e.due_at is null and e.due_by is null and e.state in ('QUEUED', 'FAILED')
    then coalesce((select l.event_id from tem.line l where l.id = e.line), e.id) end as behind,
  case when e.state = 'QUEUED' and e.due_at > clock_timestamp() then e.due_at
    when e.state = 'FAILED' and coalesce(e.next_retry_at, e.due_at) > clock_timestamp()
    then coalesce(e.next_retry_at, e.due_at) end as due_ahead`;
const BYTES_OF = `octet_length(e.payload::text) + coalesce(octet_length(e.result::text), 0)
  + coalesce(octet_length(e.last_error), 0) + coalesce(octet_length(e.compensation_error), 0)`;
/** Of what an event holds, as text. */
const PAGE_BYTES_MAX = 16 * 1024 * 1024;
const PREVIOUS_PAYLOADS_MAX = 10;
const SEARCH_TIMEOUT_MS = 8_000;
const STATEMENT_CANCELLED = '57014';

/** One event, or undefined. */
export async function getEvent(pool: Pool, id: string): Promise<EventRow | undefined> {
  const { rows } = await pool.query<EventRow>({
    name: 'event-get',
    text: `select ${COLUMNS}, exists (select from tem.previous_payload p where p.event_id = e.id) as edited
      from tem.event e where e.id = $1`,
    values: [id],
  });
  return rows[0];
}

/**
 * Up to `limit` events before `before` (an id), newest first; fewer when they are large: a page ends with the event that
 * reaches `bytesMax`. Throws SearchTooBroad when a search takes too long.
 */
export async function listEvents(
  pool: Pool,
  filter: EventFilter,
  limit: number,
  before: string | undefined,
  bytesMax = PAGE_BYTES_MAX,
): Promise<{ rows: EventRow[]; more: boolean }> {
  // One more than asked for tells whether another page follows. The events' sizes are added up one by one, so that
  // Postgres too reads no more of them than the page takes.
  const { tables, text: ids, values } = candidates(filter, before, limit + 1);
  const text = `
    with recursive ${tables}found as materialized (
      select array(${ids}) as ids
    ), page as (
      select 0 as n, 0::bigint as bytes
      union all
      select p.n + 1, p.bytes + ${BYTES_OF} from page p, found f, tem.event e
        where p.n < least(cardinality(f.ids), ${limit}) and p.bytes < ${bytesMax} and e.id = f.ids[p.n + 1]
    )
    select ${COLUMNS}, cardinality(f.ids) as found from found f, page p, tem.event e
      where e.id = f.ids[p.n] order by p.n`;
  const rows = isSlow(filter) ? await search(pool, text, values) : (await pool.query<Found>(text, values)).rows;
  return { rows, more: (rows[0]?.found ?? 0) > rows.length };
}

async function search(pool: Pool, text: string, values: unknown[]): Promise<Found[]> {
  try {
    return (await readWithin(pool, SEARCH_TIMEOUT_MS, (client) => client.query<Found>(text, values))).rows;
  } catch (error) {
    if ((error as { code?: unknown }).code === STATEMENT_CANCELLED)
      throw new SearchTooBroad('the search took too long');
    throw error;
  }
}

/** What its payload was before people edited it, newest first; with secrets masked as in the event. */
export async function previousPayloads(
  pool: Pool,
  types: TypeDirectory,
  { id, type }: Pick<EventRow, 'id' | 'type'>,
): Promise<PreviousPayload[]> {
  const { rows } = await pool.query<{ payload: unknown; replaced_at: Date; actor: string }>(
    `select payload, replaced_at, actor from tem.previous_payload where event_id = $1 order by version desc
     limit ${PREVIOUS_PAYLOADS_MAX}`,
    [id],
  );
  return rows.map(({ payload, replaced_at, actor }) => ({
    payload: masked(payload, types.get(type)?.description),
    replacedAt: replaced_at.toISOString(),
    actor,
  }));
}

/** The payload's text with all its digits, and what must be known to show it; undefined when there is no such event. */
export async function payloadText(
  pool: Pool,
  id: string,
): Promise<{ type: string; group: string; payload: unknown; text: string; pruned: boolean } | undefined> {
  const { rows } = await pool.query(
    'select type, "group", payload, payload::text as text, pruned from tem.event where id = $1',
    [id],
  );
  return rows[0];
}

/** Every change of state, oldest first, from null -> QUEUED on; undefined when there is no such event. */
export async function eventHistory(pool: Pool, id: string): Promise<HistoryEntry[] | undefined> {
  const { rows } = await pool.query<Omit<HistoryEntry, 'at'> & { at: Date; version: number }>({
    name: 'event-history',
    text: `
      select 0 as version, created_at as at, null as "from", 'QUEUED' as "to", null::int as attempt, null as error,
        source as actor from tem.event where id = $1
      union all
      select version, at, from_state, to_state, attempt, error, actor from tem.transition where event_id = $1
      order by version`,
    values: [id],
  });
  if (rows.length === 0) return undefined;
  return rows.map(({ version: _version, at, ...entry }) => ({ at: instant(at), ...entry }));
}
