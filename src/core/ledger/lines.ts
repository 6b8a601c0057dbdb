// Lines of events of one value (`orderBy`). Whoever ends an event gives its turn on in the same transaction, but never waits
// for a transaction that holds the line, because that is adding an event to it: then the turn is noted, and given on here.

import type { Pool } from 'pg';
import { ENDED_SQL } from './states.ts';

/** Tells that a turn was noted. */
export const LINE_CHANNEL = 'tem_line';

const LEFT_MAX = 500;
const SLICE_MAX = 1_000;

/** Gives turns on that were noted; resolves to how many are still held up. */
export async function giveTurnsOn(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ heldUp: number }>({
    name: 'give-turns-on',
    text: `
      with noted as materialized (
        select id, line, event_id from tem.line_left order by id limit ${LEFT_MAX} for update skip locked
      ), tried as materialized (
        select id, tem.try_leave_line(line, event_id) as is_left from noted
      ), done as (
        delete from tem.line_left where id in (select id from tried where is_left)
      )
      select count(*) filter (where not is_left)::int as "heldUp" from tried`,
  });
  return rows[0]?.heldUp ?? 0;
}

/**
 * Looks through a slice of the lines after `after`: whose event has ended without giving its turn on, such as one that held the
 * others under a setting that has changed, lets them go on. Resolves to where the next slice begins, undefined when it was the last.
 */
export async function lookAfterLines(pool: Pool, after: string | undefined): Promise<string | undefined> {
  const { rows } = await pool.query<{ id: string; count: number }>({
    name: 'look-after-lines',
    text: `
      with slice as materialized (
        select id, event_id from tem.line where $1::uuid is null or id > $1 order by id limit ${SLICE_MAX}
      ), over as materialized (
        select s.id, s.event_id from slice s left join tem.event e on e.id = s.event_id
        where e.id is null or e.state in ${ENDED_SQL} and not (e.state = 'EXTINCT' and tem.extinct_holds(e.type))
      ), given as materialized (
        select tem.leave_line(id, event_id) from over
      )
      select (select id from slice order by id desc limit 1) as id, (select count(*) from slice)::int as count,
        (select count(*) from given) as given`,
    values: [after ?? null],
  });
  return rows[0]?.count === SLICE_MAX ? rows[0].id : undefined;
}
