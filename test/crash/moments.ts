// The stage of the tests at the worst moments: one worker and one API for all of a file's tests, every reading of the
// ledger held against the handlers' log meanwhile, and the two moments that are hard to hit.

import type { WorkflowHandle } from '@temporalio/client';
import type { PoolClient } from 'pg';
import { beforeAll, expect } from 'vitest';
import { atEnd } from '../support/at-end.ts';
import type { TemProcess } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { call } from './client.ts';
import { PATIENCE_MS, type Scene, setup } from './setup.ts';

export interface Stage {
  scene: Scene;
  worker: TemProcess;
  /** An operator's call; resolves to its status. */
  act(id: string, what: 'retry' | 'cancel'): Promise<number>;
  /** The run that has the event now: its own, or its batch's. */
  runOf(id: string): Promise<WorkflowHandle>;
  /** How many attempts of each of these have begun, in their order. */
  begun(ids: readonly string[]): number[];
  /** Waits for a whole turn of the reconciler that begins after this call. */
  reconciled(): Promise<void>;
}

/** Filled before the first test. */
export function prepareStage(environment: Record<string, string>): Stage {
  const stage = {} as Stage;
  beforeAll(async () => {
    const scene = await setup({ ...environment, TEM_RECONCILE_EVERY: '2s' });
    const truth = scene.watchTruth();
    atEnd(() => truth.stop());
    const worker = await scene.startWorker();
    const url = String((await scene.startApi()).is.url);
    Object.assign(stage, {
      scene,
      worker,
      act: async (id, what) => (await call(url, 'POST', `/v1/events/${id}/${what}`)).status,
      async runOf(id) {
        const { body } = await call(url, 'GET', `/v1/events/${id}`);
        return scene.temporal.client.workflow.getHandle(body.workflowId as string);
      },
      begun: (ids) => ids.map((id) => scene.logOf(id).filter((entry) => entry.what === 'began').length),
      async reconciled() {
        const turn = async () => {
          const { rows } = await scene.pool.query<{ turn: string }>(
            'select reconciled_whole_at::text as turn from tem.ledger',
          );
          return rows[0]?.turn;
        };
        // One may be under way: the second that ends began after this call.
        for (let turns = 0; turns < 2; turns++) {
          const before = await turn();
          await waitFor(async () => (await turn()) !== before, PATIENCE_MS);
        }
      },
    } satisfies Stage);
  });
  return stage;
}

/** Locks the event's row, so that its mark finds it held; `act` happens in between, then both go on. */
export async function betweenHandlerAndMark(
  scene: Scene,
  id: string,
  gate: string,
  act: (client: PoolClient) => Promise<unknown>,
): Promise<void> {
  const client = await scene.pool.connect();
  try {
    await client.query('begin');
    await client.query('select from tem.event where id = $1 for update', [id]);
    scene.open(gate);
    await scene.untilLogged(id, 'returned');
    await waitFor(async () => {
      // Of all statements only the mark says so. It waits for no row, but asks again inside of the handler's transaction.
      const { rows } = await scene.pool.query(
        `select from pg_stat_activity
         where datname = current_database() and state = 'idle in transaction' and query like '%of_settling%'`,
      );
      return rows.length > 0;
    }, PATIENCE_MS);
    await act(client);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

/** Calls `act` for each event at once when the ledger says that it is in `state`: its run has yet to hear of it. */
export async function whileRunCloses(
  scene: Scene,
  ids: readonly string[],
  state: string,
  act: (id: string) => Promise<unknown>,
): Promise<void> {
  const left = new Set(ids);
  const acts: Promise<unknown>[] = [];
  for (const giveUpAt = performance.now() + PATIENCE_MS; left.size > 0 && performance.now() < giveUpAt; ) {
    const { rows } = await scene.pool.query<{ id: string }>(
      'select id from tem.event where id = any($1) and state = $2',
      [[...left], state],
    );
    for (const { id } of rows) {
      left.delete(id);
      acts.push(act(id));
    }
  }
  await Promise.all(acts);
  expect([...left]).toEqual([]);
}
