// The whole comparison: pages through what Temporal lists and looks closer at what differs from the rows. Lists lag and can
// lie, so they only say where to look: describe decides. A rolling part is looked at whatever the list says, because it
// doesn't show actions and policies.

import { SCHEDULE_COLUMNS, SYNC_COLUMNS } from '../../core/schedules/schedule.ts';
import type { ListedSchedule } from '../../core/schedules/temporal/calls.ts';
import type { SyncDependencies, SyncedSchedule } from '../../core/schedules/temporal/sync.ts';
import { comparableSpec, type TemporalSchedule, wantedSchedule } from '../../core/schedules/temporal/wanted.ts';

/** Every schedule is described once in so many comparisons. */
const ROLLING_PARTS = 100;
/** Of those that couldn't be written, so many are tried again each time. */
const DRIFTING_MAX = 200;
const PAGE_MAX = 1_000;

export interface Compared {
  listed: number;
  differed: number;
}

export async function compareAll(
  dependencies: SyncDependencies,
  sync: (id: string) => Promise<void>,
  turn: number,
  signal: AbortSignal,
): Promise<Compared> {
  const { calls } = dependencies;
  const listed = new Map<string, ListedSchedule>();
  for await (const schedule of calls.list()) {
    if (signal.aborted) return { listed: listed.size, differed: 0 };
    if (schedule.own) listed.set(schedule.id, schedule);
  }
  const count = listed.size;
  let differed = 0;
  let drifting = 0;
  let place = 0;
  for await (const row of allRows(dependencies)) {
    if (signal.aborted) break;
    const inList = listed.get(row.id);
    listed.delete(row.id);
    // What isn't written yet, or belongs to another ledger, is not a difference.
    if (row.syncedRevision !== row.revision) continue;
    const isTurn = place++ % ROLLING_PARTS === turn % ROLLING_PARTS;
    if (row.drift !== null) {
      if (isTurn || drifting++ < DRIFTING_MAX) await sync(row.id);
      continue;
    }
    if (inList && !isTurn && looksTheSame(wantedOrNothing(row, dependencies), inList)) continue;
    if (!isTurn) differed += 1;
    await sync(row.id);
  }
  // Of this ledger, and without a row.
  for (const { id } of listed.values()) {
    if (signal.aborted) break;
    const { rows } = await dependencies.pool.query('select from tem.schedule where id = $1', [id]);
    if (rows.length > 0) continue;
    differed += 1;
    const held = await calls.describe(id);
    if (held?.own) await calls.remove(id);
  }
  return { listed: count, differed };
}

async function* allRows({ pool }: SyncDependencies): AsyncGenerator<SyncedSchedule> {
  for (let after = ''; ; ) {
    const { rows } = await pool.query<SyncedSchedule>(
      `select ${SCHEDULE_COLUMNS}, ${SYNC_COLUMNS} from tem.schedule s join tem.schedule_state st on st.schedule_id = s.id
       where s.id > $1 order by s.id limit $2`,
      [after, PAGE_MAX],
    );
    yield* rows;
    if (rows.length < PAGE_MAX) return;
    after = rows.at(-1)?.id ?? '';
  }
}

function wantedOrNothing(row: SyncedSchedule, dependencies: SyncDependencies): TemporalSchedule | undefined {
  try {
    return wantedSchedule(row, dependencies);
  } catch {
    return undefined;
  }
}

function looksTheSame(wanted: TemporalSchedule | undefined, listed: ListedSchedule): boolean {
  if (!wanted) return true;
  return (
    JSON.stringify(comparableSpec(wanted.spec)) === JSON.stringify(comparableSpec(listed.spec)) &&
    (wanted.action?.startWorkflow?.workflowType?.name ?? '') === listed.workflowType &&
    Boolean(wanted.state?.paused) === listed.paused &&
    (wanted.state?.notes ?? '') === listed.notes
  );
}
