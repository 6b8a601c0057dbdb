// The ledger's look as a background part: every 2 s, on one worker, whatever is due. Before it fires in place of Temporal it
// asks there for a pause that a person made a moment ago; a Temporal that is away is what it is there for.

import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { BackgroundPart } from '../../core/feature.ts';
import { createLoop } from '../../core/loop.ts';
import type { FiredRun } from '../../core/schedules/firing.ts';
import { DUE_MAX, dueSchedules, lookAt } from '../../core/schedules/look.ts';
import { within } from '../../core/within.ts';

const LOOK_EVERY_MS = 2_000;
/** What is due doesn't wait longer for a Temporal that is busy. */
const ASK_WITHIN_MS = 1_500;
/** What others hold, and what stays due, waits for the next look. */
const ROUNDS_MAX = 10;
/** Schedules in one transaction. */
const SET_MAX = 200;

export interface LookerOptions {
  pool: Pool;
  /** Takes over from Temporal what a person did there to these schedules; may reject. */
  adoptFrom(ids: readonly string[]): Promise<void>;
  log: Logger;
}

export function createLooker({ pool, adoptFrom, log }: LookerOptions): BackgroundPart {
  const tell = (runs: readonly FiredRun[]): void => {
    const fired = runs.filter(({ outcome }) => outcome === 'fired').length;
    const missed = runs.filter(({ outcome }) => outcome === 'missed').length;
    if (fired > 0) log.info({ fired }, 'fired schedules that Temporal had not fired 15 s after they were due');
    if (missed > 0)
      log.warn({ missed }, 'times of schedules were missed: nothing ran for longer than their catch-up window');
  };
  const work = async (signal: AbortSignal): Promise<void> => {
    let isTemporalAway = false;
    let due = await dueSchedules(pool);
    for (let round = 0; round < ROUNDS_MAX && due.length > 0 && !signal.aborted; round += 1) {
      const firing = due.filter(({ fires }) => fires).map(({ id }) => id);
      if (!isTemporalAway && firing.length > 0) {
        await within(ASK_WITHIN_MS, adoptFrom(firing), () => new Error('it does not answer in time')).catch(
          (error: Error) => {
            isTemporalAway = true;
            log.warn({ error: error.message }, 'Temporal is away: the ledger fires schedules itself');
          },
        );
      }
      for (let from = 0; from < due.length && !signal.aborted; from += SET_MAX) {
        const set = due.slice(from, from + SET_MAX).map(({ id }) => id);
        tell(await lookAt(pool, set));
      }
      due = due.length < DUE_MAX ? [] : await dueSchedules(pool);
    }
  };
  const loop = createLoop({
    name: 'the look for due schedules',
    everyMs: LOOK_EVERY_MS,
    afterErrorMs: LOOK_EVERY_MS,
    work,
    log,
  });
  return { name: 'schedule look', on: 'oneWorker', start: () => loop.start(), stop: () => loop.stop() };
}
