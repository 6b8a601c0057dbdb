// Incidents as rows: one while something is wrong, ended when it has not been seen for a while, and for each way a message
// that it began and one that it ended, in the same transaction.

import type { Pool, PoolClient } from 'pg';
import { uuidv7 } from 'uuidv7';
import { inTransaction } from '../ledger/in-transaction.ts';
import type { Condition } from './condition.ts';
import type { WayName } from './ways.ts';

export interface Incident {
  id: string;
  kind: string;
  subject: string;
  detail: string;
  advice: string;
  count: number;
  samples: string[];
  beganAt: Date;
  seenAt: Date;
  endedAt: Date | null;
}

const COLUMNS = `i.id, i.kind, i.subject, i.detail, i.advice, i.count::float8 as count, i.samples,
  i.began_at as "beganAt", i.seen_at as "seenAt", i.ended_at as "endedAt"`;
const PRUNED_AT_ONCE = 1_000;

export interface Changes {
  began: Incident[];
  ended: Incident[];
}

/**
 * Writes what is wrong now. `endAfterMs`: how long something must not have been seen to be over, so that what comes and goes
 * is one incident; undefined when not everything could be looked at, and nothing is known to be over.
 */
export async function noteConditions(
  pool: Pool,
  conditions: readonly Condition[],
  ways: readonly WayName[],
  endAfterMs: number | undefined,
): Promise<Changes> {
  return inTransaction(pool, async (client) => {
    const began: Incident[] = [];
    // In one order for all who look at once.
    const sorted = [...conditions].sort((a, b) => (`${a.kind} ${a.subject}` < `${b.kind} ${b.subject}` ? -1 : 1));
    for (const { kind, subject, detail, advice, count, samples } of sorted) {
      const { rows } = await client.query<Incident & { isNew: boolean }>(
        `insert into tem.incident as i (id, kind, subject, detail, advice, count, samples)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (kind, subject) where ended_at is null do update set seen_at = clock_timestamp(),
           count = greatest(i.count, excluded.count), detail = excluded.detail, advice = excluded.advice, samples = excluded.samples
         returning ${COLUMNS}, i.xmax = 0 as "isNew"`,
        [uuidv7(), kind, subject, detail, advice, count, JSON.stringify(samples)],
      );
      for (const { isNew, ...incident } of rows) if (isNew) began.push(incident);
    }
    const ended = endAfterMs === undefined ? [] : await endUnseen(client, endAfterMs);
    await addMessages(client, 'began', began, ways);
    await addMessages(client, 'ended', ended, ways);
    return { began, ended };
  });
}

async function endUnseen(client: PoolClient, endAfterMs: number): Promise<Incident[]> {
  const { rows } = await client.query<Incident>(
    `update tem.incident i set ended_at = clock_timestamp()
     where ended_at is null and seen_at < clock_timestamp() - $1 * interval '1 ms' returning ${COLUMNS}`,
    [endAfterMs],
  );
  return rows;
}

async function addMessages(
  client: PoolClient,
  what: 'began' | 'ended',
  incidents: readonly Incident[],
  ways: readonly WayName[],
): Promise<void> {
  if (incidents.length === 0 || ways.length === 0) return;
  await client.query(
    `insert into tem.incident_message (incident, what, way)
     select i, $2, w from unnest($1::uuid[]) i cross join unnest($3::text[]) w on conflict do nothing`,
    [incidents.map(({ id }) => id), what, ways],
  );
}

/** Forgets what ended long ago. */
export async function pruneIncidents(pool: Pool, keptMs: number): Promise<void> {
  await pool.query(
    `delete from tem.incident where id in (select id from tem.incident
       where ended_at < clock_timestamp() - $1 * interval '1 ms' order by ended_at limit ${PRUNED_AT_ONCE})`,
    [keptMs],
  );
}

/** How one was told: when it began and when it ended, on each way. */
export interface Told {
  what: 'began' | 'ended';
  way: WayName;
  state: 'waiting' | 'told' | 'given_up';
  tries: number;
  error: string | null;
  toldAt: string | null;
}

/** Newest first. */
export async function listIncidents(
  pool: Pool,
  { open, before, limit }: { open: boolean | undefined; before: string | undefined; limit: number },
): Promise<(Incident & { told: Told[] })[]> {
  const { rows } = await pool.query<Incident & { told: Told[] }>(
    `select ${COLUMNS}, coalesce((select jsonb_agg(jsonb_build_object('what', m.what, 'way', m.way, 'state', m.state,
         'tries', m.tries, 'error', m.error,
         'toldAt', to_char(m.told_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by m.what, m.way)
       from tem.incident_message m where m.incident = i.id), '[]') as told
     from tem.incident i where ($1::boolean is null or (i.ended_at is null) = $1) and ($2::uuid is null or i.id < $2)
     order by i.id desc limit $3`,
    [open ?? null, before ?? null, limit],
  );
  return rows;
}
