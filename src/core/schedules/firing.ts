// Taking nominal times: each in one transaction with its event, its row and the state of its schedule, so that whoever comes
// second (Temporal, the ledger's look, another worker) finds it taken (rule 23). The state's row is locked first, in order
// of ids.

import type { PoolClient } from 'pg';
import { uuidv7 } from 'uuidv7';
import { type AcceptInput, acceptEvents } from '../ledger/accept.ts';
import { cancelEvent } from '../ledger/cancel.ts';
import { currentContext } from '../tracing/index.ts';
import { type Accountable, type Before, type Decision, stateAfter } from './account.ts';
import { calendarFor, firingKey, readState, SCHEDULE_COLUMNS, STATE_COLUMNS } from './schedule.ts';
import { fillPayload } from './templates.ts';

export type FiredBy = 'temporal' | 'ledger' | 'person' | 'backfill';

export interface LockedSchedule extends Accountable {
  /** By Postgres, which alone says what time it is. */
  now: Date;
}

export interface Taken {
  schedule: LockedSchedule;
  decisions: readonly (Decision & { slot?: string })[];
  /** Undefined: the state stays where it is. */
  accountedUntil?: number;
  firedBy: FiredBy;
}

export interface FiredRun {
  schedule: string;
  at: number;
  outcome: Decision['outcome'];
  event: string | null;
}

/** Locks the states of these schedules, and leaves out those that are gone (or, with `skipLocked`, held by others). */
export async function lockSchedules(
  client: PoolClient,
  ids: readonly string[],
  skipLocked = false,
): Promise<LockedSchedule[]> {
  const { rows } = await client.query<LockedSchedule>({
    name: skipLocked ? 'schedules-lock-free' : 'schedules-lock',
    text: `
      select ${SCHEDULE_COLUMNS}, ${STATE_COLUMNS}, clock_timestamp() as now
      from tem.schedule_state st join tem.schedule s on s.id = st.schedule_id
      where st.schedule_id = any($1::text[]) order by st.schedule_id for update of st ${skipLocked ? 'skip locked' : ''}`,
    values: [ids],
  });
  return rows.map(readState);
}

/** By schedule: events of its firings that haven't ended, and how many firings are buffered. Call it under the lock. */
export async function readBefore(client: PoolClient, ids: readonly string[]): Promise<Map<string, Before>> {
  const { rows } = await client.query<{ id: string; event: string | null; ended: boolean }>({
    name: 'schedules-before',
    text: `
      with open as materialized (
        select r.schedule_id, r.at, r.slot, r.event_id, e.id is null or (e.due_at is null and e.due_by is null) as ended
        from tem.schedule_run r left join tem.event e on e.id = r.event_id
        where r.open and r.schedule_id = any($1::text[])
      ), closed as (
        update tem.schedule_run r set open = false from open o
        where o.ended and r.schedule_id = o.schedule_id and r.at = o.at and r.slot = o.slot
      )
      select schedule_id as id, event_id as event, ended from open where not ended
      union all
      select schedule_id, null, false from tem.schedule_run where outcome = 'buffered' and schedule_id = any($1::text[])`,
    values: [ids],
  });
  const before = new Map<string, Before>(ids.map((id) => [id, { open: [], buffered: 0 }]));
  for (const { id, event } of rows) {
    const of = before.get(id);
    if (event !== null) of?.open.push(event);
    else if (of) of.buffered += 1;
  }
  return before;
}

/** Writes what was decided: events, rows, states. Resolves to the rows, in order. */
export async function writeTaken(client: PoolClient, taken: readonly Taken[]): Promise<FiredRun[]> {
  const rows = taken.flatMap(({ schedule, decisions, firedBy }) =>
    decisions.map((decision) => ({ schedule, firedBy, decision, event: null as string | null })),
  );
  const fired = rows.filter(({ decision }) => decision.outcome === 'fired');
  for (const { schedule, decision } of rows) {
    for (const event of decision.cancels ?? []) {
      if (event !== '') await cancelEvent(client, event, `schedule ${schedule.id}: ${schedule.overlap}`);
    }
  }
  if (fired.length > 0) {
    const events = fired.map(({ schedule, firedBy, decision }) =>
      eventOf(schedule, decision.at, decision.slot, firedBy),
    );
    const outcomes = await acceptEvents(client, events);
    fired.forEach((row, index) => {
      row.event = outcomes[index]?.id ?? null;
    });
  }
  await insertRuns(client, rows);
  await writeStates(client, taken);
  return rows.map(({ schedule, decision, event }) => ({
    schedule: schedule.id,
    at: decision.at,
    outcome: decision.outcome,
    event,
  }));
}

export function eventOf(schedule: Accountable, at: number, slot: string | undefined, firedBy: FiredBy): AcceptInput {
  return {
    id: uuidv7(),
    type: schedule.type,
    key: firingKey(schedule.id, at, slot),
    payload: fillPayload(schedule.payload, schedule.id, calendarFor(schedule), at),
    source: `schedule ${schedule.id} (${firedBy})`,
    // Of a person's trigger; what fires by itself has none.
    traceContext: currentContext(),
  };
}

interface RunRow {
  schedule: LockedSchedule;
  firedBy: FiredBy;
  decision: Decision & { slot?: string };
  event: string | null;
}

async function insertRuns(client: PoolClient, rows: readonly RunRow[]): Promise<void> {
  if (rows.length === 0) return;
  const column = <Value>(read: (row: RunRow) => Value): Value[] => rows.map(read);
  // A backfill takes what was missed, skipped or paused.
  await client.query({
    name: 'schedule-runs-insert',
    text: `
      insert into tem.schedule_run (schedule_id, at, slot, outcome, fired_by, event_id, moved, until, count, started_at, open)
      select id, at, slot, outcome, case when outcome not in ('missed', 'paused') then fired_by end, event, moved, until, count,
        case when outcome = 'fired' then clock_timestamp() end, outcome = 'fired'
      from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::boolean[], $8::timestamptz[],
        $9::bigint[]) as r(id, at, slot, outcome, fired_by, event, moved, until, count)
      on conflict (schedule_id, at, slot) do update set outcome = excluded.outcome, fired_by = excluded.fired_by,
        event_id = excluded.event_id, started_at = excluded.started_at, open = excluded.open`,
    values: [
      column(({ schedule }) => schedule.id),
      column(({ decision }) => new Date(decision.at).toISOString()),
      column(({ decision }) => decision.slot ?? ''),
      column(({ decision }) => decision.outcome),
      column(({ firedBy }) => firedBy),
      column(({ event }) => event),
      column(({ decision }) => decision.moved),
      column(({ decision }) => (decision.until === undefined ? null : new Date(decision.until).toISOString())),
      column(({ decision }) => decision.count ?? 1),
    ],
  });
}

async function writeStates(client: PoolClient, taken: readonly Taken[]): Promise<void> {
  const states = taken.map(({ schedule, decisions, accountedUntil }) => {
    const nominal = decisions.filter(({ slot }) => (slot ?? '') === '');
    const sum = (outcome: Decision['outcome']): number =>
      nominal.reduce((total, each) => total + (each.outcome === outcome ? (each.count ?? 1) : 0), 0);
    const until = accountedUntil ?? schedule.accountedUntil.getTime();
    const after = stateAfter(schedule, until, schedule.now.getTime());
    return { schedule, sum, ...after };
  });
  const iso = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());
  await client.query({
    name: 'schedule-states-write',
    text: `
      update tem.schedule_state st set accounted_until = g.until, next_at = g.next_at, past = g.past, pauses = g.pauses,
        look_at = case when exists (select from tem.schedule_run r where r.outcome = 'buffered' and r.schedule_id = g.id)
          then clock_timestamp() + interval '2 s' else g.look_at end,
        fired = st.fired + g.fired, skipped = st.skipped + g.skipped, missed = st.missed + g.missed, paused = st.paused + g.paused
      from unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::jsonb[], $6::jsonb[], $7::bigint[],
        $8::bigint[], $9::bigint[], $10::bigint[]) as g(id, until, next_at, look_at, past, pauses, fired, skipped, missed, paused)
      where st.schedule_id = g.id`,
    values: [
      states.map(({ schedule }) => schedule.id),
      states.map(({ accountedUntil }) => iso(accountedUntil)),
      states.map(({ nextAt }) => iso(nextAt)),
      states.map(({ lookAt }) => iso(lookAt)),
      states.map(({ past }) => JSON.stringify(past)),
      states.map(({ pauses }) => JSON.stringify(pauses)),
      states.map(({ sum }) => sum('fired')),
      states.map(({ sum }) => sum('overlap')),
      states.map(({ sum }) => sum('missed')),
      states.map(({ sum }) => sum('paused')),
    ],
  });
}
