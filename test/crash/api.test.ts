// The API dies while events come in: what it answered with 202 is in the ledger, and a client that repeats itself makes
// no second event.

import { describe, expect, test } from 'vitest';
import { freePort } from '../../src/services/ports.ts';
import { postUntilAccepted, spread } from './client.ts';
import { modes, PATIENCE_MS, setup, TEST_TIMEOUT_MS } from './setup.ts';

const EVENTS = 500;
// Long enough that one after the other can't keep up.
const STEPS = [{ do: 'sleep' as const, ms: 20 }, { do: 'write' as const }];
const KILLS_AT = [100, 250, 400];

describe.each(modes('in batches'))('events run $mode', ({ environment }) => {
  test(
    'an API killed during 500 POSTs: every 202 ends PROCESSED, and a repeat with its key makes no second event',
    async () => {
      const port = await freePort(20_000 + (process.pid % 20_000));
      const scene = await setup({ ...environment, TEM_PORT: String(port) });
      const truth = scene.watchTruth();
      await scene.startWorker();
      let api = await scene.startApi();
      const url = String(api.is.url);
      let accepted = 0;
      let restart: Promise<void> | undefined;

      const answers = await spread(EVENTS, 20, async (index) => {
        const given = await postUntilAccepted(url, { key: `key-${index}`, steps: STEPS });
        accepted += 1;
        if (KILLS_AT.includes(accepted)) {
          restart = scene.kill(api).then(async () => {
            api = await scene.startApi();
          });
        }
        return given;
      });
      await restart;

      const ids = answers.map((each) => each.at(-1)?.body.id as string);
      expect(new Set(ids).size).toBe(EVENTS);
      expect((await scene.rows()).map((row) => row.id)).toEqual([...ids].sort());
      const repeats = await spread(EVENTS, 20, async (index) =>
        (await postUntilAccepted(url, { key: `key-${index}`, steps: STEPS })).at(-1),
      );
      expect(repeats.map((repeat) => [repeat?.status, repeat?.body.id])).toEqual(ids.map((id) => [200, id]));

      await scene.untilAll('PROCESSED', PATIENCE_MS, ids);
      await scene.expectEffectsOnce(ids);
      await scene.expectSomeBatched(ids);
      await truth.stop();
    },
    TEST_TIMEOUT_MS,
  );
});
