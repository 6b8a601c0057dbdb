// What was found out about an event after its attempt had ended. Its state doesn't change by it.

import type { Pool } from 'pg';
import { ERROR_BYTES_MAX } from './mark.ts';

/** Adds to what is known of the failure, unless a newer attempt has begun or enough is known. */
export async function noteAfterEnd(
  pool: Pool,
  attempts: readonly { id: string; epoch: number }[],
  text: string,
): Promise<void> {
  await pool.query(
    `with noted as materialized (
       select e.id from tem.event e join unnest($1::uuid[], $2::int[]) as a(id, epoch) on e.id = a.id and e.epoch = a.epoch
       where e.state <> 'QUEUED' and coalesce(octet_length(e.last_error), 0) + octet_length($3) < $4
       order by e.id for update of e skip locked
     )
     update tem.event e set last_error = concat_ws(E'\\n', e.last_error, $3::text), updated_at = clock_timestamp()
     from noted where e.id = noted.id`,
    [attempts.map(({ id }) => id), attempts.map(({ epoch }) => epoch), text, ERROR_BYTES_MAX],
  );
}
