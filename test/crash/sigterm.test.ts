// A clean stop under load: what came in is answered, attempts finish or are handed back in time, and the exit code is 0.

import { describe, expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { post, spread } from './client.ts';
import { modes, PATIENCE_MS, setup, TEST_TIMEOUT_MS } from './setup.ts';

const EVENTS = 300;
const GRACE_MS = 4_000;
// What a worker may take after the grace time for handing back, and a little for the end of its process.
const HANDED_BACK_WITHIN_MS = 5_000 + 2_000;
// The API cuts off what isn't answered by then.
const API_STOPPED_WITHIN_MS = 10_000;
/** So many events come before those that are held, and the others behind them wait when the worker stops. */
const BEFORE_THE_HELD = 40;

describe.each(modes('in batches'))('events run $mode', ({ environment }) => {
  test(
    'SIGTERM to the worker under load: attempts finish or are handed back, exit 0, another worker does the rest',
    async () => {
      const scene = await setup({ ...environment, TEM_GRACE: `${GRACE_MS}ms` });
      const truth = scene.watchTruth();
      const worker = await scene.startWorker();
      const load = (count: number) =>
        Array.from({ length: count }, (_, index) => ({
          steps: [{ do: 'sleep' as const, ms: index % 7 === 0 ? 1_000 : 30 }, { do: 'write' as const }],
        }));
      const ids = await scene.send([
        ...load(BEFORE_THE_HELD),
        // One finishes within the grace time, one obeys its signal, two never stop by themselves.
        { steps: [{ do: 'write' }, { do: 'holdObeying', gate: 'later' }] },
        { steps: [{ do: 'write' }, { do: 'hold', gate: 'later' }] },
        { type: 'lengthy', steps: [{ do: 'write' }, { do: 'hold', gate: 'later' }] },
        ...load(EVENTS - BEFORE_THE_HELD),
      ]);
      const held = ids.slice(BEFORE_THE_HELD, BEFORE_THE_HELD + 3);
      await waitFor(async () => Number((await scene.states()).PROCESSED) > 20, PATIENCE_MS);
      for (const id of held) await scene.untilLogged(id, 'holding');
      await scene.expectBatched(held.slice(0, 2));
      expect(Number((await scene.states()).QUEUED), 'still under load').toBeGreaterThan(0);

      const startedAt = performance.now();
      worker.kill('SIGTERM');
      const end = await worker.exited;
      expect(end).toEqual({ code: 0, signal: null });
      expect(performance.now() - startedAt).toBeLessThan(GRACE_MS + HANDED_BACK_WITHIN_MS);
      const left = await scene.rows();
      // Nobody has to wait for a lease to run out: everything unfinished is in the queue or waits for its time.
      expect(left.filter((row) => row.state === 'PROCESSING')).toEqual([]);
      expect((await scene.rows(held)).map((row) => [row.state, row.retry_count])).toEqual(
        held.map(() => ['QUEUED', 0]),
      );

      scene.open('later');
      await scene.startWorker();
      await scene.untilAll('PROCESSED', PATIENCE_MS, ids);
      await scene.expectEffectsOnce(ids);
      await scene.expectSomeBatched(ids);
      expect((await scene.rows()).every((row) => row.crash_count === 0 && row.retry_count === 0)).toBe(true);
      await truth.stop();
    },
    TEST_TIMEOUT_MS,
  );
});

test(
  'SIGTERM to the API under load: every request that it took is answered, exit 0',
  async () => {
    const scene = await setup();
    const api = await scene.startApi();
    const url = String(api.is.url);
    let answered = 0;
    const outcomes = spread(EVENTS, 20, async (index) => {
      try {
        const { status, body } = await post(url, { key: `key-${index}` });
        answered += 1;
        return { status, id: body.id as string };
      } catch (error) {
        return (error as { cause?: { code?: string } }).cause?.code ?? String(error);
      }
    });
    await waitFor(() => answered > EVENTS / 4, PATIENCE_MS);
    api.kill('SIGTERM');
    const startedAt = performance.now();
    expect(await api.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(API_STOPPED_WITHIN_MS);

    const given = await outcomes;
    const accepted = given.flatMap((each) => (typeof each === 'string' ? [] : [each]));
    expect(new Set(accepted.map((each) => each.status))).toEqual(new Set([202]));
    // The others were not taken: refused at connecting, or on an idle connection that was closed before they were read.
    const kept = new Set((await scene.rows()).map((row) => row.id));
    expect(accepted.filter(({ id }) => !kept.has(id))).toEqual([]);
    expect(kept.size).toBe(accepted.length);
  },
  TEST_TIMEOUT_MS,
);
