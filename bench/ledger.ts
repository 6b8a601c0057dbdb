// What the ledger says of a run: whether everything has ended, when, and what the relays counted.

import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';

const POLL_MS = 250;
const COUNTERS_FRESH_AFTER_MS = 2_500;

/** Waits until no event is unfinished. Throws after `timeoutMs` with what is left. */
export async function untilAllEnded(pool: Pool, timeoutMs: number): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const { rows } = await pool.query<{ open: boolean }>(
      `select exists (select from tem.event where state in ('QUEUED', 'PROCESSING', 'FAILED')) as open`,
    );
    if (!rows[0]?.open) return;
    if (performance.now() > giveUpAt)
      throw new Error(`not all ended within ${timeoutMs} ms: ${JSON.stringify(await states(pool))}`);
    await delay(POLL_MS);
  }
}

/** Events by state. */
export async function states(pool: Pool): Promise<Record<string, number>> {
  const { rows } = await pool.query<{ state: string; count: number }>(
    'select state, count(*)::int as count from tem.event group by state',
  );
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

/** Throws unless all of `count` events of a type are in this state. */
export async function checkAll(pool: Pool, type: string, state: string, count: number): Promise<void> {
  const { rows } = await pool.query<{ count: number }>(
    'select count(*)::int as count from tem.event where type = $1 and state = $2',
    [type, state],
  );
  if (rows[0]?.count !== count) throw new Error(`${rows[0]?.count} of ${count} ${type} events are ${state}`);
}

/** When the last event of a type reached its end, in Unix milliseconds. */
export async function lastEndMs(pool: Pool, type: string): Promise<number> {
  const { rows } = await pool.query<{ at: number }>(
    `select extract(epoch from max(coalesce(processed_at, updated_at)))::float8 * 1000 as at from tem.event where type = $1`,
    [type],
  );
  return rows[0]?.at ?? Number.NaN;
}

export interface Counters {
  claimed: number;
  started: number;
  startedEagerly: number;
  batches: number;
  batchMembers: number;
}

/** What the relays of the living workers have counted, once they have written it down after this call. */
export async function relayCounters(pool: Pool): Promise<Counters> {
  await delay(COUNTERS_FRESH_AFTER_MS);
  const { rows } = await pool.query<{ counters: Counters | null }>(
    'select counters from tem.worker where lease_until > clock_timestamp()',
  );
  const sum = (name: keyof Counters): number => rows.reduce((total, row) => total + (row.counters?.[name] ?? 0), 0);
  return {
    claimed: sum('claimed'),
    started: sum('started'),
    startedEagerly: sum('startedEagerly'),
    batches: sum('batches'),
    batchMembers: sum('batchMembers'),
  };
}

export function eagerShare({ started, startedEagerly }: Counters): string {
  return started === 0 ? 'none started' : `${((100 * startedEagerly) / started).toFixed(1)} %`;
}

export function batchShare({ claimed, batchMembers }: Counters): string {
  return claimed === 0 ? 'none claimed' : `${((100 * batchMembers) / claimed).toFixed(1)} %`;
}
