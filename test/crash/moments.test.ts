// People act on an event at the worst moment: while its attempt runs, while its old run closes, and between its handler
// and its mark. The ledger's answer and the effects must agree.

import { describe, expect, test } from 'vitest';
import { cancelEvent } from '../../src/core/ledger/cancel.ts';
import { retryEvent } from '../../src/core/ledger/retry.ts';
import { waitFor } from '../support/wait.ts';
import { betweenHandlerAndMark, prepareStage, whileRunCloses } from './moments.ts';
import { modes, PATIENCE_MS, TEST_TIMEOUT_MS } from './setup.ts';

describe.each(modes('in batches'))('events run $mode', ({ environment }) => {
  const stage = prepareStage(environment);

  test(
    'a revival while the old run closes runs the event again, under the same workflow id, 30 times of 30',
    async () => {
      const { scene, act } = stage;
      const ids = await scene.send(Array.from({ length: 30 }, () => ({ steps: [{ do: 'failForGood' }] })));
      await whileRunCloses(scene, ids, 'EXTINCT', async (id) => {
        expect(await act(id, 'retry')).toBe(202);
        await waitFor(() => scene.logOf(id).filter((entry) => entry.what === 'threw').length === 2, PATIENCE_MS);
      });
      await scene.untilAll('EXTINCT', PATIENCE_MS, ids);
      expect((await scene.rows(ids)).map((row) => [row.state, row.retry_count])).toEqual(ids.map(() => ['EXTINCT', 1]));
      const history = await scene.history(ids[0] as string);
      // A batch's member ends in a run of its own, and is FAILED until then.
      const path = history.map((each) => each.to_state).filter((state) => state !== 'FAILED');
      expect(path).toEqual(['PROCESSING', 'EXTINCT', 'QUEUED', 'PROCESSING', 'EXTINCT']);
      await scene.expectSomeBatched(ids);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'retry-now and cancel while the run that failed goes to wait or to close: what was answered happens, once',
    async () => {
      const { scene, act, begun } = stage;
      const failing = { type: 'patient', steps: [{ do: 'fail' as const, times: 1 }, { do: 'write' as const }] };
      const ids = await scene.sendBatched(Array.from({ length: 12 }, () => failing));
      const [again, given] = [ids.slice(0, 6), ids.slice(6)];
      await whileRunCloses(scene, ids, 'FAILED', async (id) => {
        expect(await act(id, again.includes(id) ? 'retry' : 'cancel')).toBe(202);
      });
      const [lost] = (await scene.sendBatched([{ steps: [{ do: 'failForGood' }] }])) as [string];
      await whileRunCloses(scene, [lost], 'EXTINCT', async () => expect(await act(lost, 'cancel')).toBe(409));

      await scene.untilAll('PROCESSED', PATIENCE_MS, again);
      await stage.reconciled();
      expect((await scene.rows(given)).map((row) => row.state)).toEqual(given.map(() => 'CANCELLED'));
      expect((await scene.row(lost)).state).toBe('EXTINCT');
      expect(await scene.effectsOf([...again, ...given])).toEqual([...again.map(() => 1), ...given.map(() => 0)]);
      expect(begun([...again, ...given, lost])).toEqual([...again.map(() => 2), ...given.map(() => 1), 1]);
      await scene.expectBatched(ids);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'retry-now while the run waits an hour: the next attempt begins at once, and only once',
    async () => {
      const ids = await stage.scene.sendBatched(
        Array.from({ length: 10 }, () => ({
          type: 'patient',
          steps: [{ do: 'fail' as const, times: 1 }, { do: 'write' as const }],
        })),
      );
      await stage.scene.untilAll('FAILED', PATIENCE_MS, ids);
      expect(await Promise.all(ids.map((id) => stage.act(id, 'retry')))).toEqual(ids.map(() => 202));
      await stage.scene.untilAll('PROCESSED', PATIENCE_MS, ids);
      expect(await stage.scene.effectsOf(ids)).toEqual(ids.map(() => 1));
      expect(stage.begun(ids)).toEqual(ids.map(() => 2));
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'retry-now during an attempt is refused, and changes nothing',
    async () => {
      const [id] = (await stage.scene.sendBatched([{ steps: [{ do: 'write' }, { do: 'hold', gate: 'a' }] }])) as [
        string,
      ];
      await stage.scene.untilLogged(id, 'holding');
      expect(await stage.act(id, 'retry')).toBe(409);
      stage.scene.open('a');
      await stage.scene.untilState(id, 'PROCESSED');
      await stage.scene.expectBatched([id]);
      expect(await stage.act(id, 'retry')).toBe(409);
      expect(await stage.act(id, 'cancel')).toBe(409);
      expect(await stage.scene.effectsOf([id])).toEqual([1]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'a cancel during an attempt stops it, compensates what has one, and leaves no effect',
    async () => {
      const steps = [{ do: 'write' as const }, { do: 'holdObeying' as const, gate: 'never' }];
      const [plain, withUndo] = (await stage.scene.sendBatched([{ steps }, { type: 'compensated', steps }])) as [
        string,
        string,
      ];
      await stage.scene.untilLogged(plain, 'holding');
      await stage.scene.untilLogged(withUndo, 'holding');
      expect(await stage.act(plain, 'cancel')).toBe(202);
      expect(await stage.act(withUndo, 'cancel')).toBe(202);
      await stage.scene.untilAll('CANCELLED', PATIENCE_MS, [plain, withUndo]);
      expect(await stage.scene.effectsOf([plain, withUndo])).toEqual([0, 0]);
      expect(await stage.scene.effectsOf([plain, withUndo], 'undone')).toEqual([0, 1]);
      await stage.scene.expectBatched([plain, withUndo]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'a cancel of a waiting or queued event ends it, and no attempt begins any more',
    async () => {
      const later = new Date(Date.now() + 3_600_000);
      const [failed, queued, withUndo] = (await stage.scene.sendBatched([
        { type: 'patient', steps: [{ do: 'fail', times: 9 }] },
        { runAt: later },
        { type: 'compensated', steps: [{ do: 'failWithDelay', ms: 3_600_000 }] },
      ])) as [string, string, string];
      await stage.scene.untilState(failed, 'FAILED');
      await stage.scene.untilState(withUndo, 'FAILED');
      for (const id of [failed, queued, withUndo]) expect(await stage.act(id, 'cancel')).toBe(202);
      await stage.scene.untilAll('CANCELLED', PATIENCE_MS, [failed, queued, withUndo]);
      expect(await stage.scene.effectsOf([failed, queued, withUndo], 'undone')).toEqual([0, 0, 1]);
      expect(stage.begun([failed, queued, withUndo])).toEqual([1, 0, 1]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'a cancel or retry-now between handler and mark: the work is there and the event is PROCESSED',
    async () => {
      const [id] = (await stage.scene.sendBatched([{ steps: [{ do: 'write' }, { do: 'hold', gate: 'mark-1' }] }])) as [
        string,
      ];
      await stage.scene.untilLogged(id, 'holding');
      await stage.scene.expectBatched([id]);
      await betweenHandlerAndMark(stage.scene, id, 'mark-1', async (client) => {
        const conflict = { outcome: 'conflict', state: 'PROCESSING' };
        expect(await retryEvent(client as never, id, 'a test')).toEqual(conflict);
        expect(await cancelEvent(client as never, id, 'a test')).toMatchObject({ outcome: 'done' });
      });
      await stage.scene.untilState(id, 'PROCESSED');
      expect(await stage.scene.effectsOf([id])).toEqual([1]);
      expect((await stage.scene.row(id)).cancel_requested).toBe(false);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'a worker killed between handler and mark: the next attempt does the work, once',
    async () => {
      const ids = await stage.scene.sendBatched([{ steps: [{ do: 'write' }, { do: 'hold', gate: 'mark-2' }] }]);
      const [id] = ids as [string];
      await stage.scene.untilLogged(id, 'holding');
      await betweenHandlerAndMark(stage.scene, id, 'mark-2', () => stage.scene.kill(stage.worker));
      stage.worker = await stage.scene.startWorker();
      await stage.scene.untilState(id, 'PROCESSED');
      expect(await stage.scene.effectsOf([id])).toEqual([1]);
    },
    TEST_TIMEOUT_MS,
  );
});
