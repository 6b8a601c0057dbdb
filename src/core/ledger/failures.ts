// Failures by what their errors have in common: groups of FAILED and EXTINCT events whose errors are the same but for ids,
// numbers, addresses and quoted values (tem.failure_pattern). Counts stop at a bound, so that a page of groups costs the
// same however much has failed.

import type { Pool } from 'pg';

/** Groups that are looked at, in no order of their own. */
const GROUPS_MAX = 1_000;
/** Events that all counts together may read, and the bounds of one count. */
const COUNTED_MAX = 30_000;
const COUNTED_OF_GROUP_MIN = 20;
const COUNTED_OF_GROUP_MAX = 10_000;
const ERROR_LENGTH_MAX = 1_000;

export interface FailureFilter {
  type?: string;
  /** When it failed last: from (inclusive) and to (exclusive). */
  from?: Date;
  to?: Date;
}

export interface FailureGroup {
  fingerprint: string;
  type: string;
  /** The newest error of the group, and what all of its errors have in common. */
  error: string;
  pattern: string;
  count: number;
  /** Whether there are just so many, or at least. */
  countIsExact: boolean;
  /** When the events that are failed now failed: the one that has waited for longest, and the newest. */
  firstAt: Date;
  lastAt: Date;
  note: string | null;
}

/** What fingerprints are looked up by: the condition of the index. */
export const HAS_FAILED = `e.state in ('FAILED', 'EXTINCT') and e.fingerprint is not null`;

const PAIRS = `
  with recursive pair as (
    (select e.fingerprint, e.type, 1 as n from tem.event e where ${HAS_FAILED} order by e.fingerprint, e.type limit 1)
    union all
    select next.fingerprint, next.type, p.n + 1 from pair p cross join lateral (
      select e.fingerprint, e.type from tem.event e
        where ${HAS_FAILED} and (e.fingerprint, e.type) > (p.fingerprint, p.type)
        order by e.fingerprint, e.type limit 1) next
    where p.n <= ${GROUPS_MAX}
  )
  select fingerprint, type from pair`;

const GROUPS = `
  with pair as materialized (
    select * from unnest($1::text[], $2::text[]) as p(fingerprint, type)
  )
  select p.fingerprint, p.type, left(newest.error, ${ERROR_LENGTH_MAX}) as error,
      coalesce(tem.failure_pattern(newest.error), '') as pattern, least(counted.count, $3)::int as count,
      counted.count <= $3 as "countIsExact", oldest.at as "firstAt", newest.at as "lastAt", note.note
    from pair p
    cross join lateral (
      select e.updated_at as at, coalesce(e.last_error, '') as error from tem.event e where ${HAS_FAILED} and ${inPair('desc')} limit 1) newest
    cross join lateral (select e.updated_at as at from tem.event e where ${HAS_FAILED} and ${inPair('asc')} limit 1) oldest
    cross join lateral (
      select count(*) from (select from tem.event e where ${HAS_FAILED} and ${inPair('desc')} limit $3 + 1) found) counted
    left join tem.failure_note note on note.fingerprint = p.fingerprint
    order by counted.count desc, newest.at desc`;

function inPair(direction: 'asc' | 'desc'): string {
  return `e.fingerprint = p.fingerprint and e.type = p.type and e.updated_at >= $4 and e.updated_at < $5
    order by e.updated_at ${direction}`;
}

/** The groups, largest first; `complete` is false when there are more groups than are looked at. */
export async function listFailures(
  pool: Pool,
  { type, from, to }: FailureFilter,
): Promise<{ groups: FailureGroup[]; complete: boolean }> {
  const { rows: pairs } = await pool.query<{ fingerprint: string; type: string }>(PAIRS);
  const wanted = pairs.slice(0, GROUPS_MAX).filter((pair) => type === undefined || pair.type === type);
  if (wanted.length === 0) return { groups: [], complete: pairs.length <= GROUPS_MAX };
  const share = Math.floor(COUNTED_MAX / wanted.length);
  const { rows: groups } = await pool.query<FailureGroup>(GROUPS, [
    wanted.map((pair) => pair.fingerprint),
    wanted.map((pair) => pair.type),
    Math.min(Math.max(share, COUNTED_OF_GROUP_MIN), COUNTED_OF_GROUP_MAX),
    from ?? '-infinity',
    to ?? 'infinity',
  ]);
  return { groups, complete: pairs.length <= GROUPS_MAX };
}

/** Keeps a note for a group, or takes it away when it is empty. */
export async function noteFailure(
  client: Pick<Pool, 'query'>,
  fingerprint: string,
  note: string,
  actor: string,
): Promise<void> {
  await client.query(
    note === ''
      ? { text: 'delete from tem.failure_note where fingerprint = $1', values: [fingerprint] }
      : {
          text: `insert into tem.failure_note (fingerprint, note, actor) values ($1, $2, $3)
            on conflict (fingerprint) do update set note = excluded.note, actor = excluded.actor, updated_at = now()`,
          values: [fingerprint, note, actor],
        },
  );
}
