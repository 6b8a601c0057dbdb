// A ledger as it is after months: millions of events that ended, some that wait for a time far ahead, and failures in
// groups of like errors. Written by SQL, because nobody waits for ten million runs; ids and times are those of real events.

import type { Pool } from 'pg';
import type { BenchContext } from '../context.ts';

const SLICE = 250_000;
export const TYPES = 10;
export const GROUPS = 40;
const DAYS = 60;

/** An id of version 7 of this time. */
const ID = `encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing
    substring(int8send((extract(epoch from at) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid`;

const ENDED = `
  insert into tem.event (id, type, key, payload, run_at, state, result, created_at, updated_at, processed_at, due_at, begun, version,
    "group", source)
  select ${ID}, 'seed.' || n % ${TYPES}, 'ended-' || n,
    jsonb_build_object('order', jsonb_build_object('id', n, 'customer', 'customer-' || n % 5000), 'text', repeat('x', 120)),
    at, 'PROCESSED', '{"ok": true}', at, at + interval '1 s', at + interval '1 s', null, true, 3,
    case when n % 3 = 0 then 'tenant-' || n % 50 else '' end, 'http'
  from (select n, now() - interval '${DAYS} days' * (1 - n::float8 / $3) - interval '1 minute' as at
    from generate_series($1::int, $2::int) n) made`;
const WAITING = `
  insert into tem.event (id, type, key, payload, run_at, due_at, created_at, updated_at, source)
  select ${ID}, 'seed.' || n % ${TYPES}, 'waiting-' || n, jsonb_build_object('order', jsonb_build_object('id', n)),
    now() + interval '300 days', now() + interval '300 days', at, at, 'http'
  from (select n, now() - interval '1 day' * random() as at from generate_series(1, $1::int) n) made`;
const FAILED = `
  insert into tem.event (id, type, key, payload, run_at, state, retry_count, max_attempts, last_error, fingerprint,
    next_retry_at, due_at, created_at, updated_at, begun, version, source)
  select ${ID}, type, 'failed-' || n, jsonb_build_object('text', repeat('x', 180)), at, state, 5, 5, error, tem.fingerprint(error),
    case state when 'FAILED' then now() + interval '300 days' end, case state when 'FAILED' then now() + interval '300 days' end,
    at, at + interval '1 h', true, 11, 'http'
  from (select n, now() - interval '2 hours' - interval '20 days' * random() as at,
      case when n % 5 = 0 then 'FAILED' else 'EXTINCT' end as state,
      case when n % 5 = 0 then 'seed.' || n % ${TYPES} else 'bench.noop' end as type,
      -- One group has a half of all, as with a target that is away.
      case when n % 2 = 0 then 'the warehouse answered 503 to order ' || n
        else 'no address of kind ' || chr(97 + n % ${GROUPS} % 26) || chr(97 + n % ${GROUPS} / 26) || ' for customer ' || n end as error
    from generate_series(1, $1::int) n) made`;

export interface Seeded {
  events: number;
  failed: number;
}

export async function seed(pool: Pool, context: BenchContext, count: number): Promise<Seeded> {
  const failed = Math.min(100_000, Math.floor(count / 20));
  const waiting = Math.min(50_000, Math.floor(count / 20));
  for (let from = 1; from <= count; from += SLICE) {
    await pool.query(ENDED, [from, Math.min(count, from + SLICE - 1), count]);
    if ((from - 1) % (SLICE * 8) === 0) context.say(`  ${from - 1} of ${count} events are there`);
  }
  await pool.query(WAITING, [waiting]);
  await pool.query(FAILED, [failed]);
  await pool.query('vacuum analyze tem.event');
  return { events: count + waiting + failed, failed };
}
