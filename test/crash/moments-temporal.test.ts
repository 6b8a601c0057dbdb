// Somebody acts on an event's run in Temporal at the worst moment: while its attempt runs, while it waits, while it closes,
// and between handler and mark. The ledger's answer and the effects must agree.

import { WorkflowNotFoundError } from '@temporalio/client';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { betweenHandlerAndMark, prepareStage, whileRunCloses } from './moments.ts';
import { modes, PATIENCE_MS, TEST_TIMEOUT_MS } from './setup.ts';

const ACTS = ['cancel', 'terminate', 'signal'] as const;
/** Each time a few of them come before the run has closed. */
const CLOSING_ROUNDS_MAX = 10;

describe.each(modes('each its own workflow'))('events run $mode', ({ environment }) => {
  const stage = prepareStage(environment);

  const inTemporal = async (id: string, how: (typeof ACTS)[number]): Promise<void> => {
    const run = await stage.runOf(id);
    if (how === 'cancel') await run.cancel();
    else if (how === 'terminate') await run.terminate('a person wanted it');
    else await run.signal('anything');
  };

  test(
    'a signal during an attempt and between handler and mark: one attempt, one effect',
    async () => {
      const { scene, begun } = stage;
      const ids = await scene.sendBatched([
        { steps: [{ do: 'write' }, { do: 'hold', gate: 'mark-3' }] },
        { type: 'lengthy', steps: [{ do: 'write' }, { do: 'hold', gate: 'long' }] },
      ]);
      const [id, long] = ids as [string, string];
      for (const each of ids) await scene.untilLogged(each, 'holding');
      const runs = await Promise.all(ids.map(stage.runOf));
      const signal = () => Promise.all(ids.map((each) => inTemporal(each, 'signal')));
      await signal();
      await betweenHandlerAndMark(scene, id, 'mark-3', signal);
      scene.open('long');
      await scene.untilAll('PROCESSED', PATIENCE_MS, ids);
      for (const run of runs) await run.result();
      expect(await scene.effectsOf(ids)).toEqual([1, 1]);
      expect(begun([id, long])).toEqual([1, 1]);
      await scene.expectBatched([id]);
    },
    TEST_TIMEOUT_MS,
  );

  test.each(['cancel', 'terminate'] as const)(
    '%s in Temporal during an attempt, and while waiting, ends CANCELLED with compensation',
    async (how) => {
      const { scene } = stage;
      const attempt = [{ do: 'write' as const }, { do: 'holdObeying' as const, gate: 'never' }];
      // A run of its own is what a person ends; of one that others share see below.
      const [waiting] = await scene.send([{ type: 'solitary', steps: [{ do: 'failWithDelay', ms: 3_600_000 }] }]);
      await scene.untilState(waiting as string, 'FAILED');
      const [plain, withUndo] = await scene.send([
        { type: 'lengthy', steps: attempt },
        { type: 'solitary', steps: attempt },
      ]);
      const ids = [plain, withUndo, waiting] as [string, string, string];
      for (const id of ids.slice(0, 2)) await scene.untilLogged(id, 'holding');
      for (const id of ids) await inTemporal(id, how);
      await scene.untilAll('CANCELLED', PATIENCE_MS, ids);
      expect(await scene.effectsOf(ids)).toEqual([0, 0, 0]);
      expect(await scene.effectsOf(ids, 'undone')).toEqual([0, 1, 1]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'cancel, terminate and signal in Temporal between handler and mark: the work commits, and PROCESSED it stays',
    async () => {
      const { scene, begun } = stage;
      const ids: string[] = [];
      for (const how of ACTS) {
        const gate = `mark-${how}`;
        const [id] = (await scene.sendBatched([{ steps: [{ do: 'write' }, { do: 'hold', gate }] }])) as [string];
        ids.push(id);
        await scene.untilLogged(id, 'holding');
        await betweenHandlerAndMark(scene, id, gate, () => inTemporal(id, how));
        await scene.untilState(id, 'PROCESSED');
      }
      await stage.reconciled();
      for (const row of await scene.rows(ids))
        expect(row).toMatchObject({ state: 'PROCESSED', cancel_requested: false });
      expect(await scene.effectsOf(ids)).toEqual([1, 1, 1]);
      expect(begun(ids)).toEqual([1, 1, 1]);
      await scene.expectBatched(ids);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    'cancel, terminate and signal in Temporal while the run of an EXTINCT event closes change nothing',
    async () => {
      const { scene, begun } = stage;
      const inTime = new Map(ACTS.map((how) => [how, 0]));
      const all: string[] = [];
      for (let round = 0; round < CLOSING_ROUNDS_MAX && Math.min(...inTime.values()) < 2; round++) {
        const ids = await scene.send(Array.from({ length: 12 }, () => ({ steps: [{ do: 'failForGood' as const }] })));
        all.push(...ids);
        await whileRunCloses(scene, ids, 'EXTINCT', async (id) => {
          const how = ACTS[ids.indexOf(id) % ACTS.length] as (typeof ACTS)[number];
          try {
            await inTemporal(id, how);
            inTime.set(how, (inTime.get(how) ?? 0) + 1);
          } catch (error) {
            if (!(error instanceof WorkflowNotFoundError)) throw error;
          }
        });
      }
      expect(Math.min(...inTime.values()), JSON.stringify([...inTime])).toBeGreaterThan(0);
      await stage.reconciled();
      expect((await scene.rows(all)).map((row) => [row.state, row.retry_count])).toEqual(all.map(() => ['EXTINCT', 1]));
      expect(begun(all)).toEqual(all.map(() => 1));
    },
    TEST_TIMEOUT_MS,
  );

  if (environment.TEM_BATCH === 'on') {
    test.each(['cancel', 'terminate'] as const)(
      '%s of a run that several events share ends none of them: their attempts go on, and no other runs beside them',
      async (how) => {
        const { scene } = stage;
        const gate = `shared-${how}`;
        const steps = [{ do: 'write' as const }, { do: 'hold' as const, gate }];
        const ids = await scene.sendBatched([{ steps }, { steps }]);
        for (const id of ids) await scene.untilLogged(id, 'holding');
        await scene.expectBatched(ids);
        const generations = async () => (await scene.rows(ids)).map((row) => row.generation);
        const before = await generations();
        await inTemporal(ids[0] as string, how);
        // Freed, and taken by another run.
        await waitFor(async () => (await generations()).every((now, index) => now >= (before[index] as number) + 2));
        scene.open(gate);
        await scene.untilAll('PROCESSED', PATIENCE_MS, ids);
        for (const id of ids)
          expect(scene.log().filter((entry) => entry.event === id && entry.what === 'began')).toHaveLength(1);
        await waitFor(async () => (await scene.runningInBatches()) === 0, PATIENCE_MS);
        expect(await scene.effectsOf(ids)).toEqual([1, 1]);
        expect((await scene.rows(ids)).map((row) => [row.state, row.retry_count, row.crash_count])).toEqual(
          ids.map(() => ['PROCESSED', 0, 0]),
        );
      },
      TEST_TIMEOUT_MS,
    );
  }
});
