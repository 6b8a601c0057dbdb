// The two ways to run events. In batches means batches: a worker of that mode has few slots, whoever sends events that
// have to share a run puts their type under pressure first, and every test asks afterwards whether they did.

import type { Pool, PoolClient } from 'pg';
import { expect, inject } from 'vitest';
import { acceptLate } from '../support/late.ts';
import type { NewEvent } from './setup.ts';

/** Every row of the table holds in both. */
export const MODES = [
  { mode: 'in batches', environment: { TEM_BATCH: 'on', TEM_SLOTS: '4' } },
  { mode: 'each its own workflow', environment: { TEM_BATCH: 'off' } },
] as const;

declare module 'vitest' {
  export interface ProvidedContext {
    /** In how many modes a table of short tests runs: `npm test` says once, `npm run test:long` both. */
    crashModes: 'once' | 'both';
  }
}

/** Both, or the one in which this table runs in `npm test`: there each way meets about half of all accidents. */
export function modes(once: (typeof MODES)[number]['mode']): readonly (typeof MODES)[number][] {
  return MODES.filter(({ mode }) => inject('crashModes') === 'both' || mode === once);
}

/** Of 4 slots one type gets 2: so many late events of it, each in a run of its own, and the next ones share a run. */
const PRESSING_EVENTS = 2;
const LATE_MS = 1_000;
const NEVER_BATCHED = new Set(['lengthy', 'solitary']);

// The row forgets its batch when it leaves it.
export const KEEP_BATCHES = `
  create table batched (event_id uuid primary key);
  create function keep_batch() returns trigger language plpgsql as $$ begin
    insert into public.batched values (new.id) on conflict do nothing;
    return null;
  end $$;
  create trigger keep_batch after update on tem.event for each row
    when (new.workflow_id like '%:batch:%' and old.workflow_id is distinct from new.workflow_id)
    execute function keep_batch()`;

/** What a test may ask of the runs that its events had. */
export function createBatches(
  on: boolean,
  pool: Pool,
  accept: (client: Pool | PoolClient, events: readonly NewEvent[]) => Promise<string[]>,
) {
  /** Sent beside the test's own events, so that these share a run. */
  const companions: string[] = [];

  const everBatched = async (ids: readonly string[]): Promise<string[]> => {
    const { rows } = await pool.query<{ id: string }>('select event_id as id from batched where event_id = any($1)', [
      ids,
    ]);
    return rows.map((row) => row.id);
  };

  return {
    companions: companions as readonly string[],
    /**
     * Sends events so that those of one type, up to 17, share a run where batches are on. The type's slots of the one
     * worker must be free, or that worker not yet started.
     */
    async sendBatched(events: readonly NewEvent[]): Promise<string[]> {
      const types = new Set(events.map((event) => event.type ?? 'work').filter((type) => !NEVER_BATCHED.has(type)));
      if (!on || types.size === 0) return accept(pool, events);
      const beside = [...types].flatMap((type) => [
        ...Array.from({ length: PRESSING_EVENTS }, () => ({ type })),
        // A lonely event is given a run of its own.
        { type },
      ]);
      const ids = await acceptLate(pool, LATE_MS, (client) => accept(client, [...beside, ...events]));
      companions.push(...ids.slice(0, beside.length));
      return ids.slice(beside.length);
    },
    /** Each of these shared a run; where batches are off, none did. */
    async expectBatched(ids: readonly string[]): Promise<void> {
      const batched = new Set(await everBatched(ids));
      expect(ids.filter((id) => batched.has(id) !== on)).toEqual([]);
    },
    /** At least so many of these shared a run; where batches are off, none did. */
    async expectSomeBatched(ids: readonly string[], atLeast = ids.length / 4): Promise<void> {
      const { length } = await everBatched(ids);
      if (on) expect(length, 'events that shared a run').toBeGreaterThanOrEqual(atLeast);
      else expect(length, 'events that shared a run').toBe(0);
    },
    /** How many events are PROCESSING in a shared run at this moment. */
    async runningInBatches(): Promise<number> {
      const { rows } = await pool.query<{ count: number }>(
        `select count(*)::int as count from tem.event where state = 'PROCESSING' and workflow_id like '%:batch:%'`,
      );
      return rows[0]?.count ?? 0;
    },
    /** Whether a batch is in the middle of its work right now; where batches are off, always. */
    async isBatchRunning(): Promise<boolean> {
      return !on || (await this.runningInBatches()) > 0;
    },
  };
}
