// The arrivals of a type or group by minute, read from the ledger, which keeps every event for longer than a simulation
// looks back.

import type { Pool } from 'pg';
import { readWithin } from '../ledger/pool.ts';
import type { Arrivals } from './simulate.ts';

const MINUTE_MS = 60_000;
/** Tens of millions of events take longer; the caller is told to look at a shorter time. */
const READ_WITHIN_MS = 8_000;
/** The attempts that tell how long one takes. */
const SAMPLE_MAX = 200;

/** Of the last `spanMs`. Rejects like any read that takes too long. */
export function readArrivals(pool: Pool, type: string, group: string, spanMs: number): Promise<Arrivals> {
  return readWithin(pool, READ_WITHIN_MS, async (client) => {
    const minutes = Math.ceil(spanMs / MINUTE_MS);
    const { rows } = await client.query<{ minute: number; arrivals: number }>(
      `select floor(extract(epoch from created_at - (now() - $3 * interval '1 minute')) / 60)::int as minute,
         count(*)::int as arrivals
       from tem.event
       where type = $1 and ($2 = '' or "group" = $2) and created_at >= now() - $3 * interval '1 minute'
         and state = any(array['QUEUED', 'PROCESSING', 'PROCESSED', 'FAILED', 'EXTINCT', 'CANCELLED'])
       group by 1`,
      [type, group, minutes],
    );
    const { rows: attempts } = await client.query<{ meanMs: number | null }>(
      `select extract(epoch from avg(done.at - begun.at))::float8 * 1000 as "meanMs"
       from (
         select id from tem.event where type = $1 and state = 'PROCESSED' and ($2 = '' or "group" = $2)
           order by created_at desc, id desc limit ${SAMPLE_MAX}
       ) e
       join tem.transition done on done.event_id = e.id and done.to_state = 'PROCESSED'
       join tem.transition begun on begun.event_id = e.id and begun.version = done.version - 1`,
      [type, group],
    );
    const perMinute: number[] = new Array(minutes).fill(0);
    for (const { minute, arrivals } of rows) {
      const index = Math.min(minute, minutes - 1);
      perMinute[index] = (perMinute[index] ?? 0) + arrivals;
    }
    return { perMinute, attemptMs: attempts[0]?.meanMs ?? null };
  });
}
