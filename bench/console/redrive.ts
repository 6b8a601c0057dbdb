// A redrive at a set rate beside new events: whether it keeps the rate, and what new events notice of it.

import { setTimeout as delay } from 'node:timers/promises';
import { createApiClient } from '../api-client.ts';
import { percentile } from '../figures.ts';
import { noopEvent } from '../payloads.ts';
import { caller } from '../search-work.ts';
import type { Tem } from '../tem.ts';
import { get } from './views.ts';

const NEW_EVERY_MS = 100;
const POLL_MS = 500;

export interface Redriven {
  perSecond: number;
  baseP99Ms: number;
  duringP99Ms: number;
}

/** p99 of new events' time from acceptance to their end, as the ledger has it, while `until` is open. */
async function newEvents(tem: Tem, until: Promise<unknown>): Promise<number> {
  const api = createApiClient(tem.apiUrl);
  const ids: string[] = [];
  let open = true;
  void until.finally(() => {
    open = false;
  });
  while (open) {
    ids.push(await api.post(noopEvent()));
    await delay(NEW_EVERY_MS);
  }
  await api.close();
  const times = async (): Promise<(number | null)[]> => {
    const { rows } = await tem.pool.query<{ ms: number | null }>(
      `select extract(epoch from processed_at - created_at)::float8 * 1000 as ms from tem.event where id = any($1)`,
      [ids],
    );
    return rows.map(({ ms }) => ms);
  };
  for (;;) {
    const known = await times();
    if (known.every((ms) => ms !== null)) return percentile(known as number[], 0.99);
    await delay(POLL_MS);
  }
}

export async function measureRedrive(
  tem: Tem,
  { count, ratePerSecond, baseSeconds }: { count: number; ratePerSecond: number; baseSeconds: number },
): Promise<Redriven> {
  const baseP99Ms = await newEvents(tem, delay(baseSeconds * 1_000));
  const call = caller(tem.apiUrl);
  const job = await call('POST', '/v1/events/redrive', {
    filter: { type: 'bench.noop', state: 'EXTINCT' },
    limit: count,
    ratePerSecond,
  });
  const done = untilDone(tem, String(job.id));
  const duringP99Ms = await newEvents(tem, done);
  const seconds = await done;
  // The first is begun at once.
  return { perSecond: (count - 1) / seconds, baseP99Ms, duringP99Ms };
}

/** Seconds from the first to the last event that it began, by the ledger's clock. */
async function untilDone(tem: Tem, id: string): Promise<number> {
  for (;;) {
    const { state, matches, skipped } = await get(tem.apiUrl, `/v1/redrives/${id}`);
    if (state === 'done') {
      if (skipped !== 0) throw new Error(`${skipped} of ${matches} events were passed over`);
      break;
    }
    if (state !== 'running') throw new Error(`the redrive is ${state}`);
    await delay(POLL_MS);
  }
  const { rows } = await tem.pool.query<{ seconds: number }>(
    `select extract(epoch from max(t.at) - min(t.at))::float8 as seconds
      from tem.redrive_event r join tem.transition t on t.event_id = r.event_id and t.version = r.version
      where r.redrive_id = $1`,
    [id],
  );
  return rows[0]?.seconds ?? Number.NaN;
}
