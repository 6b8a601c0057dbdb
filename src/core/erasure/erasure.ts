// Erasing what is kept of a person: the events of types that name one by a JSON pointer, and the rows of features that do.
// Events that have not ended are cancelled first. What stays of an event is its id, type, state and times. Done in slices,
// each a transaction, so that a large erasure holds nobody up and goes on where a worker that died has stopped.

import { createHash } from 'node:crypto';
import pg, { type Pool, type PoolClient } from 'pg';
import type { AnyFeature } from '../feature.ts';
import { cancelEvent } from '../ledger/cancel.ts';
import { inTransaction } from '../ledger/in-transaction.ts';
import { ENDED_SQL } from '../ledger/states.ts';

const SLICE_MAX = 500;
const CANCELLED_MAX = 100;
export const SUBJECT_BYTES_MAX = 512;

export interface Erasure {
  id: string;
  state: 'running' | 'done';
  /** Events that were emptied, those of them that were cancelled for it, and rows of features by their names. */
  events: number;
  cancelled: number;
  features: Record<string, number>;
  createdBy: string;
  createdAt: string;
  endedAt: string | null;
}

interface Row extends Omit<Erasure, 'createdBy' | 'createdAt' | 'endedAt'> {
  subject: string | null;
  created_by: string;
  created_at: Date;
  ended_at: Date | null;
}

/** What erases the rows of its own; see Feature. */
export type Eraser = Pick<AnyFeature, 'name' | 'erase'>;

export interface SubjectType {
  name: string;
  /** The path to the person's name in the payload. */
  path: string[];
}

/** The types that name a person, as their workers have registered them. */
export async function subjectTypes(client: Pick<Pool, 'query'>): Promise<SubjectType[]> {
  const { rows } = await client.query<{ name: string; subject: string }>(
    `select name, definition->>'subject' as subject from tem.event_type where definition->>'subject' is not null order by name`,
  );
  return rows.map(({ name, subject }) => ({
    name,
    path: subject
      .slice(1)
      .split('/')
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~')),
  }));
}

/** The person's name in the payload, and that it is one of the type: as the type's index has both. */
export function subjectSql({ name, path }: SubjectType): { subject: string; ofType: string } {
  const steps = `{${path.map((step) => `"${step.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
  return {
    subject: `payload #>> ${pg.escapeLiteral(steps)}`,
    ofType: `type = ${pg.escapeLiteral(name)} and not pruned`,
  };
}

/** What an audit row may say of a person whose name is to be forgotten. */
export function subjectDigest(subject: string): string {
  return `sha256 ${createHash('sha256').update(subject).digest('hex').slice(0, 16)}`;
}

export async function createErasure(client: PoolClient, subject: string, actor: string): Promise<Erasure> {
  const { rows } = await client.query<Row>(
    'insert into tem.erasure (subject, created_by) values ($1, $2) returning *',
    [subject, actor],
  );
  return present(rows[0] as Row);
}

export async function getErasure(pool: Pool, id: string): Promise<Erasure | undefined> {
  const { rows } = await pool.query<Row>('select * from tem.erasure where id = $1', [id]);
  return rows[0] && present(rows[0]);
}

export async function runningErasures(pool: Pool, limit: number): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select id from tem.erasure where state = 'running' order by id limit $1`,
    [limit],
  );
  return rows.map(({ id }) => id);
}

/**
 * A slice of an erasure. `more`: another may follow at once; `waits`: attempts of the person's events have not ended yet;
 * `done`. Undefined when somebody else is at it, or it isn't there.
 */
export async function stepErasure(
  pool: Pool,
  id: string,
  erasers: readonly Eraser[],
): Promise<'more' | 'waits' | 'done' | undefined> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<Row>(
      `select * from tem.erasure where id = $1 and state = 'running' for update skip locked`,
      [id],
    );
    const [job] = rows;
    if (!job || job.subject === null) return undefined;
    const { subject } = job;
    let events = 0;
    let cancelled = 0;
    let left = 0;
    for (const type of await subjectTypes(client)) {
      cancelled += await cancelSome(client, type, subject, `${job.created_by}, erasure ${id}`);
      events += await eraseSome(client, type, subject);
      left += await countLeft(client, type, subject);
    }
    const features = { ...job.features };
    let rowsOfFeatures = 0;
    for (const { name, erase } of erasers) {
      const erased = (await erase?.(client, subject)) ?? 0;
      if (erased > 0) features[name] = (features[name] ?? 0) + erased;
      rowsOfFeatures += erased;
    }
    const more = events + cancelled + rowsOfFeatures > 0;
    const done = !more && left === 0;
    await client.query(
      `update tem.erasure set events = events + $2, cancelled = cancelled + $3, features = $4,
         state = case when $5 then 'done' else state end, subject = case when $5 then null else subject end,
         ended_at = case when $5 then clock_timestamp() end
       where id = $1`,
      [id, events, cancelled, JSON.stringify(features), done],
    );
    return done ? 'done' : more ? 'more' : 'waits';
  });
}

/** A compensation may need the payload: what is cancelled is emptied when it has ended. */
async function cancelSome(client: PoolClient, type: SubjectType, subject: string, actor: string): Promise<number> {
  const sql = subjectSql(type);
  const { rows } = await client.query<{ id: string }>(
    `select id from tem.event where ${sql.ofType} and ${sql.subject} = $1 and state not in ${ENDED_SQL}
       and not cancel_requested order by id limit ${CANCELLED_MAX}`,
    [subject],
  );
  let cancelled = 0;
  for (const { id } of rows) if ((await cancelEvent(client, id, actor)).outcome === 'done') cancelled += 1;
  return cancelled;
}

// A key and a group that a caller chose may be the person's name: a tombstone has its id in the place of the key.
async function eraseSome(client: PoolClient, type: SubjectType, subject: string): Promise<number> {
  const sql = subjectSql(type);
  const { rows } = await client.query<{ erased: number }>(
    `with chosen as materialized (
       select id from tem.event where ${sql.ofType} and ${sql.subject} = $1 and state in ${ENDED_SQL}
       order by id limit ${SLICE_MAX} for update skip locked
     ), edits as (
       delete from tem.previous_payload where event_id = any(array(select id from chosen))
     ), history as (
       update tem.transition set error = null where event_id = any(array(select id from chosen)) and error is not null
     ), emptied as (
       update tem.event set payload = 'null', key = id::text, "group" = '', result = null, last_error = null,
         compensation_error = null, fingerprint = null, trace_context = null, pruned = true, erased_at = clock_timestamp()
       where id = any(array(select id from chosen))
     )
     select count(*)::int as erased from chosen`,
    [subject],
  );
  return rows[0]?.erased ?? 0;
}

async function countLeft(client: PoolClient, type: SubjectType, subject: string): Promise<number> {
  const sql = subjectSql(type);
  const { rowCount } = await client.query(`select from tem.event where ${sql.ofType} and ${sql.subject} = $1 limit 1`, [
    subject,
  ]);
  return rowCount ?? 0;
}

function present({ created_by, created_at, ended_at, subject: _subject, ...row }: Row): Erasure {
  return {
    id: row.id,
    state: row.state,
    events: row.events,
    cancelled: row.cancelled,
    features: row.features,
    createdBy: created_by,
    createdAt: created_at.toISOString(),
    endedAt: ended_at?.toISOString() ?? null,
  };
}
