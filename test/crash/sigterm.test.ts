// A clean stop under load: what came in is answered, attempts finish or are handed back in time, and the exit code is 0.

import { describe, expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { post, spread } from './client.ts';
import { MODES, PATIENCE_MS, setup, TEST_TIMEOUT_MS } from './setup.ts';

const EVENTS = 300;
const GRACE_MS = 4_000;
// Handing back, closing connections, and a machine that is busy with other tests.
const STOPPED_WITHIN_MS = 30_000;

describe.each(MODES)('events run $mode', ({ TEM_BATCH }) => {
  test(
    'SIGTERM to the worker under load: attempts finish or are handed back, exit 0, another worker does the rest',
    async () => {
      const scene = await setup({ TEM_BATCH, TEM_GRACE: `${GRACE_MS}ms` });
      const truth = scene.watchTruth();
      const worker = await scene.startWorker();
      const ids = await scene.send([
        ...Array.from({ length: EVENTS }, (_, index) => ({
          steps: [{ do: 'sleep' as const, ms: index % 7 === 0 ? 1_000 : 30 }, { do: 'write' as const }],
        })),
        // One finishes within the grace time, one obeys its signal, two never stop by themselves.
        { steps: [{ do: 'write' }, { do: 'holdObeying', gate: 'later' }] },
        { steps: [{ do: 'write' }, { do: 'hold', gate: 'later' }] },
        { type: 'lengthy', steps: [{ do: 'write' }, { do: 'hold', gate: 'later' }] },
      ]);
      const held = ids.slice(-3);
      await waitFor(async () => Number((await scene.states()).PROCESSED) > 20, PATIENCE_MS);
      for (const id of held) await scene.untilLogged(id, 'holding');

      const startedAt = performance.now();
      worker.kill('SIGTERM');
      const end = await worker.exited;
      expect(end).toEqual({ code: 0, signal: null });
      expect(performance.now() - startedAt).toBeLessThan(GRACE_MS + STOPPED_WITHIN_MS);
      const left = await scene.rows();
      // Nobody has to wait for a lease to run out: everything unfinished is in the queue or waits for its time.
      expect(left.filter((row) => row.state === 'PROCESSING')).toEqual([]);
      expect((await scene.rows(held)).map((row) => [row.state, row.retry_count])).toEqual(
        held.map(() => ['QUEUED', 0]),
      );

      scene.open('later');
      await scene.startWorker();
      await scene.untilAll('PROCESSED');
      await scene.expectEffectsOnce(ids);
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
    expect(await api.exited).toEqual({ code: 0, signal: null });

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
