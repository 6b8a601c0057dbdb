// Accepting events into the ledger in sets: one statement when all are new, a second one to compare those whose type
// and key are there already (rule 17: same means equal jsonb payload). HTTP, `emit` and schedules come through here.

import type { QueryResult, QueryResultRow } from 'pg';
import { uuidv7 } from 'uuidv7';
import { refuseTime } from '../time.ts';

export interface AcceptInput {
  /** A UUID of version 7; made here when absent. */
  id?: string;
  type: string;
  /** A JSON value. */
  payload: unknown;
  /** The event's id when absent. */
  key?: string;
  priority?: number;
  group?: string;
  runAt?: Date;
  /** Past it an attempt that hasn't begun ends the event; else `ttlMs` after runAt, or after now. */
  expiresAt?: Date;
  ttlMs?: number;
  /** Its type's `orderBy`, where the caller knows the type; else the ledger looks. */
  orderBy?: string | undefined;
  /** Who accepted it: `http`, `emit ...`. */
  source: string;
  /** The trace that it belongs to (src/core/tracing). */
  traceContext?: string | undefined;
}

export interface AcceptOutcome {
  /** `conflict`: the type and key exist with another payload. */
  status: 'accepted' | 'duplicate' | 'conflict';
  /** Of the new event, or of the one that is there. */
  id: string;
  /** Times that Postgres gave to an accepted event. */
  createdAt?: Date;
  runAt?: Date;
  /** Of an accepted event that belongs to a trace. */
  traceContext?: string;
}

export interface Queryable {
  query<Row extends QueryResultRow>(query: {
    name: string;
    text: string;
    values: unknown[];
    query_timeout?: number;
  }): Promise<QueryResult<Row>>;
}

export interface Patience {
  /** The wait for another transaction that holds one of the keys; then the call fails with 55P03. */
  lockTimeoutMs?: number;
  /** The wait for a server that doesn't answer at all; then the connection is given up. */
  queryTimeoutMs?: number;
}

export const PRIORITY_DEFAULT = 3;
export const TEXT_BYTES_MAX = 512;
/** Turns for a key that another transaction takes and gives back meanwhile. */
const ROUNDS_MAX = 5;

/** Why a key, group or time can't be kept, or undefined; the schema sees characters, the ledger counts bytes. */
export function refuseAccept(
  input: Pick<AcceptInput, 'key' | 'group' | 'runAt'>,
): { path: string; message: string } | undefined {
  const late = input.runAt === undefined ? undefined : refuseTime(input.runAt);
  if (late !== undefined) return { path: '/runAt', message: late };
  for (const path of ['key', 'group'] as const) {
    const text = input[path];
    if (text === undefined) continue;
    if (text === '' || Buffer.byteLength(text) > TEXT_BYTES_MAX) {
      return { path: `/${path}`, message: `must have 1 to ${TEXT_BYTES_MAX} bytes` };
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (path === 'key' && /[\u0000-\u001f\u007f-\u009f]/.test(text)) {
      return { path: '/key', message: 'must not hold control characters' };
    }
  }
  return undefined;
}

/**
 * Accepts events; outcomes in the order of the inputs, also for equal keys within one call (the first is accepted).
 * In a transaction it commits and rolls back with it. A relay that sleeps is rung for at commit.
 */
export async function acceptEvents(
  client: Queryable,
  events: readonly AcceptInput[],
  patience: Patience = {},
): Promise<AcceptOutcome[]> {
  const rows = events.map((event): Row => {
    const id = event.id ?? uuidv7();
    return { event, id, key: event.key ?? id, payload: JSON.stringify(event.payload) ?? 'null' };
  });
  const outcomes = new Map<Row, AcceptOutcome>();
  let open = rows;
  for (let round = 1; open.length > 0; round += 1) {
    if (round > ROUNDS_MAX)
      throw new Error(`${open.length} events were neither accepted nor found after ${ROUNDS_MAX} rounds`);
    for (const [row, outcome] of await insert(client, open, patience)) outcomes.set(row, outcome);
    open = open.filter((row) => !outcomes.has(row));
    if (open.length === 0) break;
    for (const [row, outcome] of await compare(client, open, patience)) outcomes.set(row, outcome);
    open = open.filter((row) => !outcomes.has(row));
  }
  return rows.map((row) => outcomes.get(row) as AcceptOutcome);
}

interface Row {
  event: AcceptInput;
  id: string;
  key: string;
  payload: string;
}

// Sorted, so that two calls with the same lines or keys wait for each other instead of deadlocking.
const INSERT = `
  with patience as materialized (
    select set_config('lock_timeout', coalesce($9, current_setting('lock_timeout')), true)
  ), given as (
    select g.* from patience, unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::smallint[], $6::text[],
      $7::timestamptz[], $8::text[], $10::timestamptz[], $11::float8[], $12::text[], $13::text[]) with ordinality
      as g(id, type, key, payload, priority, "group", run_at, source, expires_at, ttl_ms, order_by, trace_context, n)
  ), ordered as materialized (
    -- Once for all: asked for each event it took a tenth of the statement.
    select tem.ordered_bits() as bits
  ), placed as (
    select given.*, case when order_by is not null then tem.line_at(type, payload, order_by)
      when bits & tem.order_bit(type) <> 0 then tem.line_of(type, payload) end as line from given, ordered
  )
  insert into tem.event (id, type, key, payload, priority, "group", run_at, due_at, source, expires_at, line, trace_context)
  select id, type, key, payload, priority, "group", coalesce(run_at, now()), greatest(run_at, statement_timestamp()), source,
      coalesce(expires_at, greatest(run_at, now()) + ttl_ms * interval '1 ms'), line, trace_context
    from placed order by line nulls first, type, key, n
  on conflict on constraint event_type_key do nothing
  returning id, created_at as "createdAt", run_at as "runAt", tem.ring()`;

async function insert(client: Queryable, rows: Row[], patience: Patience): Promise<[Row, AcceptOutcome][]> {
  const result = await client.query<{ id: string; createdAt: Date; runAt: Date }>({
    name: 'accept',
    text: INSERT,
    values: [
      rows.map((row) => row.id),
      rows.map((row) => row.event.type),
      rows.map((row) => row.key),
      rows.map((row) => row.payload),
      rows.map((row) => row.event.priority ?? PRIORITY_DEFAULT),
      rows.map((row) => row.event.group ?? ''),
      rows.map((row) => row.event.runAt?.toISOString() ?? null),
      rows.map((row) => row.event.source),
      patience.lockTimeoutMs === undefined ? null : String(patience.lockTimeoutMs),
      rows.map((row) => row.event.expiresAt?.toISOString() ?? null),
      rows.map((row) => row.event.ttlMs ?? null),
      rows.map((row) => row.event.orderBy ?? null),
      // Without any trace, no more than a null.
      rows.some((row) => row.event.traceContext) ? rows.map((row) => row.event.traceContext ?? null) : null,
    ],
    ...answerWithin(patience),
  });
  const inserted = new Map(result.rows.map((row) => [row.id, row]));
  return rows.flatMap((row): [Row, AcceptOutcome][] => {
    const found = inserted.get(row.id);
    // The same id twice in one call: the second is compared with the first.
    if (!found || !inserted.delete(row.id)) return [];
    const { traceContext } = row.event;
    const { createdAt, runAt } = found;
    return [[row, { status: 'accepted', id: row.id, createdAt, runAt, ...(traceContext && { traceContext }) }]];
  });
}

// A pruned event keeps its key and a digest of its payload; one that a person has edited is still the one that was sent.
const COMPARE = `
  select g.n::int as n, e.id,
    case when e.pruned then e.payload = to_jsonb(tem.payload_digest(g.payload)) else e.payload = g.payload
      or exists (select from tem.previous_payload p where p.event_id = e.id and p.payload = g.payload) end as same
  from unnest($1::text[], $2::text[], $3::jsonb[]) with ordinality as g(type, key, payload, n)
    join tem.event e on e.type = g.type and e.key = g.key`;

async function compare(client: Queryable, rows: Row[], patience: Patience): Promise<[Row, AcceptOutcome][]> {
  const result = await client.query<{ n: number; id: string; same: boolean }>({
    name: 'accept-compare',
    text: COMPARE,
    values: [rows.map((row) => row.event.type), rows.map((row) => row.key), rows.map((row) => row.payload)],
    ...answerWithin(patience),
  });
  return result.rows.map(({ n, id, same }) => [rows[n - 1] as Row, { status: same ? 'duplicate' : 'conflict', id }]);
}

function answerWithin({ queryTimeoutMs }: Patience): { query_timeout?: number } {
  return queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs };
}
