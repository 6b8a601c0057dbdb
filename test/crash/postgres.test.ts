// Postgres dies under load: the API says so at once and promises nothing, and every process finds its way back.

import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Logged } from '../support/event-types.ts';
import { ownPostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait.ts';
import { postUntilAccepted, spread } from './client.ts';
import { expectQuicklyUnavailable, expectUnavailable, startProber } from './prober.ts';
import { modes, PATIENCE_MS, setup, TEST_TIMEOUT_MS } from './setup.ts';

const EVENTS = 500;
const DOWN_FOR_MS = 5_000;

describe.each(modes('in batches'))('events run $mode', ({ environment }) => {
  test(
    'Postgres killed under 500 events: 503 with Retry-After meanwhile, all that was accepted ends PROCESSED',
    async () => {
      const postgres = await ownPostgres();
      const scene = await setup(environment, postgres);
      const truth = scene.watchTruth({ toleratesOutages: true });
      await scene.startWorker();
      const url = String((await scene.startApi()).is.url);
      const prober = await startProber(url);
      const steps = (index: number) =>
        index % 5 === 0 ? [{ do: 'write' } as const, { do: 'sleep', ms: 500 } as const] : [{ do: 'write' } as const];

      let accepted = 0;
      const keys = Array.from({ length: EVENTS }, (_, index) => `key-${index}`);
      const clients = spread(EVENTS, 10, async (index) => {
        const answers = await postUntilAccepted(url, { key: keys[index] as string, steps: steps(index) });
        accepted += 1;
        return answers;
      });
      await waitFor(async () => accepted >= EVENTS / 2 && (await scene.isBatchRunning()), PATIENCE_MS);
      await postgres.kill();
      await waitFor(() => prober.refused().length > 0, PATIENCE_MS);
      await delay(DOWN_FOR_MS);
      await postgres.start();
      const answers = (await clients).flat();
      const probed = await prober.stop();

      expectQuicklyUnavailable(prober.refused());
      expectUnavailable(answers.filter((each) => each.status >= 300));
      const ids = answers.filter((answer) => answer.status < 300).map((answer) => answer.body.id as string);
      expect(new Set(ids).size).toBe(EVENTS);
      await scene.expectAllKept([...ids, ...probed.ids], new Set([...keys, ...probed.keys]));
      await scene.expectSomeBatched(ids);
      await truth.stop();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "Postgres restarts between a handler's work and its mark: one effect, the state is true",
    async () => {
      const postgres = await ownPostgres();
      const scene = await setup(environment, postgres);
      const truth = scene.watchTruth({ toleratesOutages: true });
      await scene.startWorker();
      const ids = await scene.sendBatched([
        { steps: [{ do: 'write' }, { do: 'hold', gate: 'open' }] },
        { steps: [{ do: 'hold', gate: 'open' }] },
        { type: 'together', steps: [{ do: 'write' }, { do: 'hold', gate: 'open' }] },
        { type: 'together', steps: [{ do: 'write' }, { do: 'hold', gate: 'open' }] },
      ]);
      // A set in one transaction has come to its first one.
      await waitFor(() => holding(scene.log(), ids) >= 3, PATIENCE_MS);
      await scene.expectBatched(ids);

      await postgres.kill();
      scene.open('open');
      // The handlers return into an outage.
      for (const id of ids.slice(0, 2)) await scene.untilLogged(id, 'returned');
      await postgres.start();

      await scene.untilAll('PROCESSED');
      const [, withoutTransaction] = ids as [string, string];
      const effects = await scene.effects();
      expect(ids.map((id) => effects.get(id) ?? 0)).toEqual([1, 0, 1, 1]);
      // Its work was outside of the transaction: the mark is written later instead of doing it again.
      expect(scene.logOf(withoutTransaction).map((entry) => entry.what)).toEqual(['began', 'holding', 'returned']);
      expect((await scene.rows(ids)).map((row) => row.retry_count)).toEqual([0, 0, 0, 0]);
      await truth.stop();
    },
    TEST_TIMEOUT_MS,
  );
});

function holding(log: readonly Logged[], ids: readonly string[]): number {
  return log.filter((entry) => entry.what === 'holding' && ids.includes(entry.event)).length;
}
