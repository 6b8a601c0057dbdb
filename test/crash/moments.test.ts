// People and Temporal act on an event at the worst moment: while its attempt runs, while its old run closes, and between
// its handler and its mark. The ledger's answer and the effects must agree.

import type { PoolClient } from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { cancelEvent } from '../../src/core/ledger/cancel.ts';
import { eventWorkflowId } from '../../src/core/workflow-id.ts';
import type { TemProcess } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { call } from './client.ts';
import { MODES, PATIENCE_MS, type Scene, setup, TEST_TIMEOUT_MS } from './setup.ts';

/** Locks the event's row, so that its mark has to wait; `act` happens in between, then both go on. */
async function betweenHandlerAndMark(
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
    await waitFor(async () => {
      const { rows } = await scene.pool.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and application_name <> 'tem test'`,
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

describe.each(MODES)('events run $mode', ({ TEM_BATCH }) => {
  let scene: Scene;
  let worker: TemProcess;
  let url: string;

  beforeAll(async () => {
    scene = await setup({ TEM_BATCH, TEM_RECONCILE_EVERY: '2s' });
    worker = await scene.startWorker();
    url = String((await scene.startApi()).is.url);
  });

  const act = async (id: string, what: 'retry' | 'cancel') =>
    (await call(url, 'POST', `/v1/events/${id}/${what}`)).status;
  const runOf = (id: string, type = 'work') => scene.temporal.client.workflow.getHandle(eventWorkflowId(type, id));
  const begun = (ids: string[]) => ids.map((id) => scene.logOf(id).filter((entry) => entry.what === 'began').length);

  test(
    'a revival while the old run closes runs the event again, under the same workflow id, 30 times of 30',
    async () => {
      const ids = await scene.send(Array.from({ length: 30 }, () => ({ steps: [{ do: 'failForGood' }] })));
      const revived = ids.map(async (id) => {
        for (let life = 1; life <= 2; life++) {
          await waitFor(() => scene.logOf(id).filter((entry) => entry.what === 'threw').length === life, PATIENCE_MS);
          await scene.untilState(id, 'EXTINCT');
          if (life === 1) expect(await act(id, 'retry')).toBe(202);
        }
      });
      await Promise.all(revived);
      expect((await scene.rows(ids)).map((row) => [row.state, row.retry_count])).toEqual(ids.map(() => ['EXTINCT', 1]));
      const history = await scene.history(ids[0] as string);
      // A batch's member ends in a run of its own, and is FAILED until then.
      const path = history.map((each) => each.to_state).filter((state) => state !== 'FAILED');
      expect(path).toEqual(['PROCESSING', 'EXTINCT', 'QUEUED', 'PROCESSING', 'EXTINCT']);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'retry-now while the run waits an hour: the next attempt begins at once, and only once',
    async () => {
      const ids = await scene.send(
        Array.from({ length: 10 }, () => ({
          type: 'patient',
          steps: [{ do: 'fail' as const, times: 1 }, { do: 'write' as const }],
        })),
      );
      await scene.untilAll('FAILED', PATIENCE_MS, ids);
      expect(await Promise.all(ids.map((id) => act(id, 'retry')))).toEqual(ids.map(() => 202));
      await scene.untilAll('PROCESSED', PATIENCE_MS, ids);
      expect(await scene.effectsOf(ids)).toEqual(ids.map(() => 1));
      expect(begun(ids)).toEqual(ids.map(() => 2));
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'retry-now during an attempt is refused, and changes nothing',
    async () => {
      const [id] = (await scene.send([{ steps: [{ do: 'write' }, { do: 'hold', gate: 'a' }] }])) as [string];
      await scene.untilLogged(id, 'holding');
      expect(await act(id, 'retry')).toBe(409);
      scene.open('a');
      await scene.untilState(id, 'PROCESSED');
      expect(await act(id, 'retry')).toBe(409);
      expect(await act(id, 'cancel')).toBe(409);
      expect(await scene.effectsOf([id])).toEqual([1]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'a cancel during an attempt stops it, compensates what has one, and leaves no effect',
    async () => {
      const steps = [{ do: 'write' as const }, { do: 'holdObeying' as const, gate: 'never' }];
      const [plain, withUndo] = (await scene.send([{ steps }, { type: 'compensated', steps }])) as [string, string];
      await scene.untilLogged(plain, 'holding');
      await scene.untilLogged(withUndo, 'holding');
      expect(await act(plain, 'cancel')).toBe(202);
      expect(await act(withUndo, 'cancel')).toBe(202);
      await scene.untilAll('CANCELLED', PATIENCE_MS, [plain, withUndo]);
      expect(await scene.effectsOf([plain, withUndo])).toEqual([0, 0]);
      expect(await scene.effectsOf([plain, withUndo], 'undone')).toEqual([0, 1]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'a cancel of a waiting or queued event ends it, and no attempt begins any more',
    async () => {
      const later = new Date(Date.now() + 3_600_000);
      const [failed, queued, withUndo] = (await scene.send([
        { type: 'patient', steps: [{ do: 'fail', times: 9 }] },
        { runAt: later },
        { type: 'compensated', steps: [{ do: 'failWithDelay', ms: 3_600_000 }] },
      ])) as [string, string, string];
      await scene.untilState(failed, 'FAILED');
      await scene.untilState(withUndo, 'FAILED');
      for (const id of [failed, queued, withUndo]) expect(await act(id, 'cancel')).toBe(202);
      await scene.untilAll('CANCELLED', PATIENCE_MS, [failed, queued, withUndo]);
      expect(await scene.effectsOf([failed, queued, withUndo], 'undone')).toEqual([0, 0, 1]);
      expect(begun([failed, queued, withUndo])).toEqual([1, 0, 1]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'a cancel that commits between handler and mark: the work is there and the event is PROCESSED',
    async () => {
      const [id] = (await scene.send([{ steps: [{ do: 'write' }, { do: 'hold', gate: 'mark-1' }] }])) as [string];
      await scene.untilLogged(id, 'holding');
      await betweenHandlerAndMark(scene, id, 'mark-1', async (client) => {
        expect(await cancelEvent(client as never, id, 'a test')).toMatchObject({ outcome: 'done' });
      });
      await scene.untilState(id, 'PROCESSED');
      expect(await scene.effectsOf([id])).toEqual([1]);
      expect((await scene.row(id)).cancel_requested).toBe(false);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'a worker killed between handler and mark: the next attempt does the work, once',
    async () => {
      const ids = await scene.send([{ steps: [{ do: 'write' }, { do: 'hold', gate: 'mark-2' }] }]);
      const [id] = ids as [string];
      await scene.untilLogged(id, 'holding');
      await betweenHandlerAndMark(scene, id, 'mark-2', () => scene.kill(worker));
      worker = await scene.startWorker();
      await scene.untilState(id, 'PROCESSED');
      expect(await scene.effectsOf([id])).toEqual([1]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'a signal during an attempt and between handler and mark: one attempt, one effect',
    async () => {
      const ids = await scene.send([
        { steps: [{ do: 'write' }, { do: 'hold', gate: 'mark-3' }] },
        { type: 'lengthy', steps: [{ do: 'write' }, { do: 'hold', gate: 'long' }] },
      ]);
      const [id, long] = ids as [string, string];
      for (const each of ids) await scene.untilLogged(each, 'holding');
      const signal = () => Promise.all([runOf(id).signal('anything'), runOf(long, 'lengthy').signal('anything')]);
      await signal();
      await betweenHandlerAndMark(scene, id, 'mark-3', signal);
      scene.open('long');
      await scene.untilAll('PROCESSED', PATIENCE_MS, ids);
      await runOf(id).result();
      await runOf(long, 'lengthy').result();
      expect(await scene.effectsOf(ids)).toEqual([1, 1]);
      expect(begun(ids)).toEqual([1, 1]);
    },
    TEST_TIMEOUT_MS,
  );

  test.each(['cancel', 'terminate'] as const)(
    '%s in Temporal during an attempt, and while waiting, ends CANCELLED with compensation',
    async (how) => {
      const attempt = [{ do: 'write' as const }, { do: 'holdObeying' as const, gate: 'never' }];
      const [plain, withUndo, waiting] = (await scene.send([
        { steps: attempt },
        { type: 'solitary', steps: attempt },
        { type: 'solitary', steps: [{ do: 'failWithDelay', ms: 3_600_000 }] },
      ])) as [string, string, string];
      await scene.untilLogged(plain, 'holding');
      await scene.untilLogged(withUndo, 'holding');
      await scene.untilState(waiting, 'FAILED');
      const runs = [runOf(plain), runOf(withUndo, 'solitary'), runOf(waiting, 'solitary')];
      for (const run of runs) await (how === 'cancel' ? run.cancel() : run.terminate('a person wanted it'));
      await scene.untilAll('CANCELLED', PATIENCE_MS, [plain, withUndo, waiting]);
      expect(await scene.effectsOf([plain, withUndo, waiting])).toEqual([0, 0, 0]);
      expect(await scene.effectsOf([plain, withUndo, waiting], 'undone')).toEqual([0, 1, 1]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'terminate between handler and mark: the work that commits makes it PROCESSED',
    async () => {
      const [id] = (await scene.send([{ steps: [{ do: 'write' }, { do: 'hold', gate: 'mark-4' }] }])) as [string];
      await scene.untilLogged(id, 'holding');
      await betweenHandlerAndMark(scene, id, 'mark-4', () => runOf(id).terminate('a person wanted it'));
      await scene.untilState(id, 'PROCESSED', 'CANCELLED');
      const { state } = await scene.row(id);
      expect((await scene.effects()).get(id) ?? 0).toBe(state === 'PROCESSED' ? 1 : 0);
    },
    TEST_TIMEOUT_MS,
  );
});
