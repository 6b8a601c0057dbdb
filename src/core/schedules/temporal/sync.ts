// Makes Temporal's schedule equal to its row. What a person did in Temporal meanwhile is taken over (pause, resume, with
// their note) or mended (times, action, policies, deletion), and is in the schedule's history either way; of a pause and a
// row's change at the same moment neither is lost, because what was given last is known.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { inTransaction } from '../../ledger/in-transaction.ts';
import { noteChange } from '../changes.ts';
import { SCHEDULE_COLUMNS, type Schedule, type ScheduleSync, SYNC_COLUMNS } from '../schedule.ts';
import { type HeldSchedule, RefusedByTemporal, type ScheduleCalls } from './calls.ts';
import type { Deed } from './deeds.ts';
import { type Difference, differences, type Ownership, temporalNote, wantedSchedule } from './wanted.ts';

const ROUNDS_MAX = 6;
/** What the table's trigger raises. */
const SQL_REFUSED = 'TM400';

export interface SyncDependencies extends Ownership {
  pool: Pool;
  calls: ScheduleCalls;
  log: Logger;
}

export type SyncedSchedule = Schedule & ScheduleSync;

export async function readSynced(pool: Pick<Pool, 'query'>, ids: readonly string[]): Promise<SyncedSchedule[]> {
  const { rows } = await pool.query<SyncedSchedule>(
    `select ${SCHEDULE_COLUMNS}, ${SYNC_COLUMNS} from tem.schedule s join tem.schedule_state st on st.schedule_id = s.id
     where s.id = any($1::text[])`,
    [ids],
  );
  return rows;
}

/**
 * One schedule, as often as it takes while others write too; resolves to whether it was written. Temporal drops an update that
 * lost against another one without a word: what was written is to be looked at once more. Rejects when Temporal or the
 * ledger is away.
 */
export async function syncSchedule(dependencies: SyncDependencies, id: string): Promise<boolean> {
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const [row] = await readSynced(dependencies.pool, [id]);
    if (!row) return false;
    try {
      const done = await syncOnce(dependencies, row);
      if (done !== 'again') return done === 'written';
    } catch (error) {
      if (!isOfTheRow(error)) throw error;
      dependencies.log.warn(
        { schedule: id, error: (error as Error).message },
        'a schedule cannot be written to Temporal',
      );
      await markSynced(dependencies.pool, row, `can't be written: ${(error as Error).message}; the ledger fires it`);
      return false;
    }
  }
  // Somebody writes all the time: it is looked at once more.
  return true;
}

/** What trying again doesn't mend, and what keeps no other schedule from being written. */
function isOfTheRow(error: unknown): boolean {
  const { name, code } = error as { name?: unknown; code?: unknown };
  return (
    error instanceof RefusedByTemporal || error instanceof RangeError || name === 'CronRefused' || code === SQL_REFUSED
  );
}

/** `same`: Temporal is seen to hold what the row says. */
async function syncOnce(dependencies: SyncDependencies, row: SyncedSchedule): Promise<'same' | 'written' | 'again'> {
  const { pool, calls, log } = dependencies;
  const wanted = wantedSchedule(row, dependencies);
  if (row.syncedRevision === null && (await calls.create(row.id, wanted))) {
    await markSynced(pool, row, null);
    return 'same';
  }
  const held = await calls.describe(row.id);
  if (!held) {
    if (row.syncedRevision !== null) await noteMended(pool, row, 'it was deleted in Temporal: created again');
    if (!(await calls.create(row.id, wanted))) return 'again';
    await markSynced(pool, row, null);
    return 'same';
  }
  if (!held.own) {
    log.warn({ schedule: row.id }, "Temporal has a schedule of this id that isn't this ledger's: it stays as it is");
    await markSynced(pool, row, "Temporal has a schedule of this id that isn't this ledger's; the ledger fires it");
    return 'same';
  }
  if (await adopt(dependencies, row, held)) return 'again';
  const found = differences(wanted, held.schedule);
  if (found.length === 0) {
    await markSynced(pool, row, null);
    return 'same';
  }
  const byHand = found.filter(isByHand);
  if (row.syncedRevision === row.revision && byHand.length > 0) {
    const deed = await lastDeed(dependencies, row.id, 'update');
    await noteMended(pool, row, `${byHand.join(', ')} changed in Temporal: written again from the row`, deed);
  }
  if (!(await calls.update(row.id, wanted, held.conflictToken))) return 'again';
  await markSynced(pool, row, null);
  return 'written';
}

/** Another task queue is a deployment's doing. */
function isByHand(difference: Difference): boolean {
  return difference !== 'taskQueue';
}

/** Takes over a pause, a resume or its note that was made in Temporal since the row was written there; whether it did. */
async function adopt(dependencies: SyncDependencies, row: SyncedSchedule, held: HeldSchedule): Promise<boolean> {
  const taken = adoption(row, held);
  if (!taken) return false;
  const deed = await lastDeed(dependencies, row.id, taken.paused ? 'pause' : 'resume');
  await inTransaction(dependencies.pool, async (client) => {
    await client.query(`select set_config('tem.actor', $1, true)`, [deed ? `temporal: ${deed.identity}` : 'temporal']);
    // Only over the row that was compared: whoever wrote it meanwhile is looked at first.
    const { rowCount } = await client.query(
      'update tem.schedule set paused = $3, note = $4 where id = $1 and revision = $2',
      [row.id, row.revision, taken.paused, taken.note],
    );
    if (!rowCount) return;
    await client.query('update tem.schedule_state set synced_paused = $2, synced_note = $3 where schedule_id = $1', [
      row.id,
      taken.paused,
      taken.note,
    ]);
    if (taken.paused && !row.paused) await pausedSince(client, row.id, deed?.at);
  });
  dependencies.log.info({ schedule: row.id, ...taken }, 'taken over from Temporal');
  return true;
}

/** The last time that a person did this, or changed the schedule as a whole, there. */
async function lastDeed({ calls }: SyncDependencies, id: string, what: Deed['what']): Promise<Deed | undefined> {
  return (await calls.deeds(id)).find((deed) => deed.what === what || deed.what === 'update');
}

/**
 * A pause that is taken over began when the person made it. When that can't be told, it is what Temporal hasn't fired since
 * the last time that is accounted for.
 */
async function pausedSince(client: Pick<Pool, 'query'>, id: string, at: number | undefined): Promise<void> {
  await client.query(
    `update tem.schedule_state set pauses = jsonb_set(pauses, '{-1,from}',
       to_jsonb(coalesce(least($2::timestamptz, clock_timestamp()), accounted_until))) where schedule_id = $1`,
    [id, at === undefined ? null : new Date(at).toISOString()],
  );
}

/** What a person changed of pause and note in Temporal; undefined when nothing, or when the row says so too. */
export function adoption(
  row: SyncedSchedule,
  held: HeldSchedule,
): { paused: boolean; note: string | null } | undefined {
  if (row.syncedRevision === null || row.syncedPaused === null) return undefined;
  const paused = Boolean(held.schedule.state?.paused);
  const notes = held.schedule.state?.notes ?? '';
  const turned = paused !== row.syncedPaused;
  const noted = notes !== (row.syncedNote ?? '');
  if (!turned && !noted) return undefined;
  const next = {
    paused: turned ? paused : row.paused,
    // A note that the row has got meanwhile stands, unless it goes with a pause or a resume of that moment.
    note: noted && (turned || temporalNote(row.note) === (row.syncedNote ?? '')) ? notes || null : row.note,
  };
  return next.paused === row.paused && next.note === row.note ? undefined : next;
}

async function markSynced(pool: Pool, row: SyncedSchedule, drift: string | null): Promise<void> {
  await pool.query(
    `update tem.schedule_state set synced_revision = $2, synced_paused = $3, synced_note = $4, synced_at = clock_timestamp(), drift = $5
     where schedule_id = $1
       and (synced_revision, synced_paused, synced_note, drift) is distinct from ($2::bigint, $3::boolean, $4::text, $5::text)`,
    [row.id, row.revision, row.paused, temporalNote(row.note), drift],
  );
}

async function noteMended(pool: Pool, row: SyncedSchedule, detail: string, deed?: Deed): Promise<void> {
  const actor = deed ? `temporal: ${deed.identity}` : 'temporal';
  await noteChange(pool, { id: row.id, actor, action: 'mended', detail });
}
