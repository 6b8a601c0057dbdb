// Temporal dies and comes back without its database. The ledger holds everything, so that nothing is lost but time.

import { describe, expect, test } from 'vitest';
import { ownTemporal } from '../support/servers.ts';
import { waitFor } from '../support/wait.ts';
import { postUntilAccepted, spread } from './client.ts';
import { modes, PATIENCE_MS, setup, TEST_TIMEOUT_MS } from './setup.ts';

const EVENTS = 500;
const KINDS = [
  { steps: [{ do: 'sleep', ms: 50 }, { do: 'write' }] },
  { type: 'together', steps: [{ do: 'write' }] },
  // Its retry waits in a run that Temporal forgets.
  { steps: [{ do: 'fail', times: 2 }, { do: 'write' }] },
  { type: 'lengthy', steps: [{ do: 'write' }, { do: 'sleep', ms: 100 }] },
] as const;

describe.each(modes('each its own workflow'))('events run $mode', ({ environment }) => {
  test(
    'Temporal killed and its database deleted under 500 events: 202 throughout, all PROCESSED after it is back',
    async () => {
      const temporal = await ownTemporal();
      const scene = await setup(environment, temporal);
      const truth = scene.watchTruth();
      await scene.startWorker();
      const url = String((await scene.startApi()).is.url);
      const send = (from: number, to: number) =>
        spread(to - from, 10, (index) => {
          const { ...kind } = KINDS[index % KINDS.length];
          return postUntilAccepted(url, { ...kind, steps: [...(kind.steps ?? [])], key: `key-${from + index}` });
        });

      const before = await send(0, EVENTS / 2);
      await waitFor(
        async () => Number((await scene.states()).PROCESSED) > 20 && (await scene.isBatchRunning()),
        PATIENCE_MS,
      );
      await temporal.kill();
      temporal.loseDatabase();
      const meanwhile = await send(EVENTS / 2, EVENTS);
      await temporal.start();

      const answers = [...before, ...meanwhile].flat();
      const ids = answers.map((answer) => answer.body.id as string);
      expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
      await scene.untilAll('PROCESSED', undefined, ids);
      await scene.expectEffectsOnce(ids);
      await scene.expectSomeBatched(ids);
      await truth.stop();
    },
    TEST_TIMEOUT_MS,
  );
});
