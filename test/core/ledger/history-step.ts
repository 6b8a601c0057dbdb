// One step of a random history: what it knows of the row, and the comparison with the model after it.

import type fc from 'fast-check';
import type pg from 'pg';
import { expect } from 'vitest';
import type { Claimed } from '../../../src/core/ledger/claim.ts';
import type { Model } from './history-model.ts';

export interface Real {
  pool: pg.Pool;
  id: string;
  type: string;
  workers: string[];
  /** Tokens that were handed out, the oldest first. */
  attemptEpochs: number[];
  settleEpochs: number[];
  claims: Claimed[];
  row: Row;
  /** The states that the row went through. */
  path: string[];
}

interface Row {
  state: string;
  generation: number;
  epoch: number;
  retry_count: number;
  crash_count: number;
  lane: number;
  begun: boolean;
  queued: boolean;
  owned: boolean;
  due: boolean | null;
  retry_due: boolean;
  compensating: boolean;
  cancel_requested: boolean;
  uncompensated: boolean;
  version: number;
  xmin: string;
}

export type Step = fc.AsyncCommand<Model, Real>;

export async function readRow(pool: pg.Pool, id: string): Promise<Row> {
  const { rows } = await pool.query<Row>({
    name: 'read-row',
    text: `select state, generation, epoch, retry_count, crash_count, lane, begun, due_at is not null as queued, due_by is not null as owned,
        due_at <= clock_timestamp() as due, coalesce(next_retry_at <= clock_timestamp(), true) as retry_due, compensating,
        cancel_requested, compensation_error is not null as uncompensated, version, xmin::text
      from tem.event where id = $1`,
    values: [id],
  });
  return rows[0] as Row;
}

/** Compares the row with the model. A step that the model calls without effect must not have written to the row. */
async function compare(model: Model, real: Real, changed: boolean): Promise<void> {
  const before = real.row;
  const row = await readRow(real.pool, real.id);
  expect({
    state: row.state,
    generation: row.generation,
    epoch: row.epoch,
    retryCount: row.retry_count,
    crashCount: row.crash_count,
    lane: row.lane,
    begun: row.begun,
    place: row.queued ? 'queue' : row.owned ? 'run' : 'none',
    compensating: row.compensating,
    cancelRequested: row.cancel_requested,
    uncompensated: row.uncompensated,
    due: row.queued ? row.due : undefined,
    retryDue: row.retry_due,
  }).toEqual({
    state: model.state,
    generation: model.generation,
    epoch: model.epoch,
    retryCount: model.retryCount,
    crashCount: model.crashCount,
    lane: model.lane,
    begun: model.begun,
    place: model.place,
    compensating: model.compensating,
    cancelRequested: model.cancelRequested,
    uncompensated: model.uncompensated,
    due: model.place === 'queue' ? model.due : undefined,
    retryDue: model.retryDue,
  });
  expect(row.queued && row.owned).toBe(false);
  if (!changed) expect(row.xmin, 'the row was written although nothing was to change').toBe(before.xmin);
  expect(row.version).toBeGreaterThanOrEqual(before.version + Number(row.state !== before.state));
  if (row.state !== before.state) real.path.push(row.state);
  real.row = row;
}

export function step(name: string, run: (model: Model, real: Real) => Promise<boolean>): Step {
  return {
    check: () => true,
    toString: () => name,
    async run(model, real) {
      const changed = await run(model, real);
      await compare(model, real, changed);
    },
  };
}
