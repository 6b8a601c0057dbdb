// Why an event that is due has not run: its flow is paused, its rate is used up, as many as may are in flight, or others of
// its lane have their turn before it.

import type { Pool } from 'pg';

export interface FlowWaiting {
  reason: 'paused' | 'rate' | 'slots' | 'turn';
  until?: Date;
  detail: string;
}

interface Found {
  id: string;
  flowGroup: string | null;
  paused: boolean | null;
  maxInFlight: number | null;
  held: number | null;
  rateLimit: number | null;
  ratePer: string | null;
  /** When its rate next has something free, while that lies ahead. */
  freeAt: Date | null;
  isBehind: boolean;
}

/** Of events that are due and that nobody has claimed, why; those of which nothing is known here are left out. */
export async function whyWaiting(pool: Pool, ids: readonly string[]): Promise<Map<string, FlowWaiting>> {
  if (ids.length === 0) return new Map();
  const { rows } = await pool.query<Found>({
    name: 'why-waiting',
    text: `
      select e.id, f."group" as "flowGroup", f.paused, f.max_in_flight as "maxInFlight",
        live.held + case when f.max_in_flight is null then 0 else tem.runs_in_flight(f.type, f."group", f.max_in_flight) end as held,
        f.rate_limit as "rateLimit", f.rate_per as "ratePer",
        case when f.rate_limit is not null and f.next_free > clock_timestamp() then f.next_free end as "freeAt",
        exists (select from tem.event o where o.due_at is not null and o.type = e.type and o.lane = e.lane
          and o.priority = e.priority and o."group" = e."group" and (o.due_at, o.id) < (e.due_at, e.id)) as "isBehind"
      from tem.event e
        left join tem.flow f on f.type = e.type and f."group" in ('', e."group")
        left join lateral (
          select coalesce(sum(h.value::int), 0)::int as held from jsonb_each_text(f.held) h
            join tem.worker w on w.id = h.key::uuid and w.lease_until > clock_timestamp()
        ) live on true
      where e.id = any($1::uuid[]) and e.due_at <= clock_timestamp()
      -- The type's flow before its group's, and so the group's is what is said in the end.
      order by e.id, f."group"`,
    values: [ids],
  });
  const answers = new Map<string, FlowWaiting>();
  for (const row of rows) {
    const found = waitingOf(row);
    const known = answers.get(row.id);
    if (found && !(known && RANK[known.reason] < RANK[found.reason])) answers.set(row.id, found);
  }
  return answers;
}

/** What keeps an event longest is said first. */
const RANK: Record<FlowWaiting['reason'], number> = { paused: 0, slots: 1, rate: 2, turn: 3 };

function waitingOf(row: Found): FlowWaiting | undefined {
  const flow = row.flowGroup ? `of its group ${JSON.stringify(row.flowGroup)}` : 'of its type';
  if (row.paused) return { reason: 'paused', detail: `the flow ${flow} is paused` };
  if (row.maxInFlight !== null && (row.held ?? 0) >= row.maxInFlight)
    return { reason: 'slots', detail: `the flow ${flow} lets ${row.maxInFlight} be in flight, and they are` };
  if (row.freeAt) {
    const detail = `the flow ${flow} lets ${row.rateLimit} a ${row.ratePer} begin; until then others have what it gives`;
    return { reason: 'rate', until: row.freeAt, detail };
  }
  return row.isBehind
    ? { reason: 'turn', detail: 'others of its type and group have their turn before it' }
    : undefined;
}
