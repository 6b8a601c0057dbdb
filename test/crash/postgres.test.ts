// Postgres dies under load: the API says so at once and promises nothing, and every process finds its way back.

import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ownPostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait.ts';
import { post, postUntilAccepted, spread } from './client.ts';
import { MODES, PATIENCE_MS, setup, TEST_TIMEOUT_MS } from './setup.ts';

const EVENTS = 500;
const ANSWERED_WITHIN_MS = 2_000;
// Beside the limit that the API keeps, for a machine that is busy with other tests.
const BUSY_MACHINE_MS = 1_500;
const DOWN_FOR_MS = 5_000;

describe.each(MODES)('events run $mode', ({ TEM_BATCH }) => {
  test(
    'Postgres killed under 500 events: 503 with Retry-After meanwhile, all that was accepted ends PROCESSED',
    async () => {
      const postgres = await ownPostgres();
      const scene = await setup({ TEM_BATCH }, postgres);
      const truth = scene.watchTruth({ toleratesOutages: true });
      await scene.startWorker();
      const url = String((await scene.startApi()).is.url);
      const steps = (index: number) =>
        index % 5 === 0 ? [{ do: 'write' } as const, { do: 'sleep', ms: 500 } as const] : [{ do: 'write' } as const];

      let accepted = 0;
      const clients = spread(EVENTS, 10, async (index) => {
        const answers = await postUntilAccepted(url, { key: `key-${index}`, steps: steps(index) });
        accepted += 1;
        return answers;
      });
      await waitFor(() => accepted >= EVENTS / 2, PATIENCE_MS);
      await postgres.kill();
      const refused = await waitFor(async () => {
        const answer = await post(url, { key: 'while-away' });
        return answer.status === 503 ? answer : undefined;
      });
      await delay(DOWN_FOR_MS);
      await postgres.start();
      const answers = (await clients).flat();

      expect(refused.tookMs).toBeLessThan(ANSWERED_WITHIN_MS + BUSY_MACHINE_MS);
      for (const answer of [refused, ...answers.filter((each) => each.status >= 300)]) {
        expect(answer).toMatchObject({ status: 503, body: { code: 'ledger_unavailable' } });
        expect(answer.type).toContain('application/problem+json');
        expect(Number(answer.retryAfter)).toBeGreaterThan(0);
      }
      const ids = answers.filter((answer) => answer.status < 300).map((answer) => answer.body.id as string);
      expect(new Set(ids).size).toBe(EVENTS);
      await scene.untilAll('PROCESSED', undefined, ids);
      const rows = await scene.rows();
      // What was refused may have been written all the same, never the other way round.
      expect(rows.length - EVENTS).toBeLessThanOrEqual(1);
      await scene.untilAll('PROCESSED');
      await scene.expectEffectsOnce(rows.map((row) => row.id));
      await truth.stop();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "Postgres restarts between a handler's work and its mark: one effect, the state is true",
    async () => {
      const postgres = await ownPostgres();
      const scene = await setup({ TEM_BATCH }, postgres);
      await scene.startWorker();
      const ids = await scene.send([
        { steps: [{ do: 'write' }, { do: 'hold', gate: 'open' }] },
        { steps: [{ do: 'hold', gate: 'open' }] },
        { type: 'together', steps: [{ do: 'write' }, { do: 'hold', gate: 'open' }] },
        { type: 'together', steps: [{ do: 'write' }, { do: 'hold', gate: 'open' }] },
      ]);
      await waitFor(() => scene.log().filter((entry) => entry.what === 'holding').length >= 3, PATIENCE_MS);

      await postgres.kill();
      scene.open('open');
      // The handlers return into an outage.
      await waitFor(() => scene.log().filter((entry) => entry.what === 'returned').length >= 2, PATIENCE_MS);
      await postgres.start();

      await scene.untilAll('PROCESSED');
      const [, withoutTransaction] = ids as [string, string];
      const effects = await scene.effects();
      expect(ids.map((id) => effects.get(id) ?? 0)).toEqual([1, 0, 1, 1]);
      // Its work was outside of the transaction: the mark is written later instead of doing it again.
      expect(scene.logOf(withoutTransaction).map((entry) => entry.what)).toEqual(['began', 'holding', 'returned']);
      expect((await scene.rows()).map((row) => row.retry_count)).toEqual([0, 0, 0, 0]);
    },
    TEST_TIMEOUT_MS,
  );
});
