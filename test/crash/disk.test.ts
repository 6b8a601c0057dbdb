// The ledger's disk runs full under load, and has space again later.

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { postgresOnSmallDisk } from '../support/small-disk.ts';
import { waitFor } from '../support/wait.ts';
import { type Answer, post, postUntilAccepted, spread } from './client.ts';
import { expectQuicklyUnavailable, expectUnavailable, startProber } from './prober.ts';
import { modes, PATIENCE_MS, setup, TEST_TIMEOUT_MS } from './setup.ts';

const EVENTS = 300;
// A new row needs room, and random bytes can't be compressed into less.
const FILLER_BYTES = 15_000;
const BIG_FILLER_BYTES = 600_000;
const FULL_FOR_MS = 5_000;

describe.each(modes('in batches'))('events run $mode', ({ environment }) => {
  test(
    'disk full, then space again: 503 within 2 s meanwhile, nothing lost, nothing twice',
    async () => {
      const disk = await postgresOnSmallDisk();
      // Said aloud, because the second proves less.
      process.stdout.write(
        disk.real ? 'on a real full disk\n' : 'no disk can be mounted here: Postgres only says that it is full\n',
      );
      const scene = await setup(environment, disk);
      const truth = scene.watchTruth({ toleratesOutages: true });
      await scene.startWorker();
      const url = String((await scene.startApi()).is.url);
      const prober = await startProber(url, FILLER_BYTES);
      const filler = randomBytes(FILLER_BYTES).toString('base64');
      const keys = Array.from({ length: EVENTS }, (_, index) => `key-${index}`);
      let accepted = 0;
      const clients = spread(EVENTS, 10, async (index) => {
        const answers = await postUntilAccepted(url, { key: keys[index] as string, filler });
        accepted += 1;
        return answers;
      });
      await waitFor(() => accepted > EVENTS / 4, PATIENCE_MS);
      await disk.fill();
      const big = await takeWhatIsLeft(url);
      await waitFor(() => prober.refused().length > 0, PATIENCE_MS);
      expect(await missing(url)).toEqual(['database']);
      await delay(FULL_FOR_MS);
      await disk.free();
      await waitFor(async () => (await missing(url)).length === 0, PATIENCE_MS);

      const answers = [...big.answers, ...(await clients).flat()];
      const probed = await prober.stop();
      expectQuicklyUnavailable(prober.refused());
      expectUnavailable(answers.filter((each) => each.status >= 300));
      const ids = answers.filter((each) => each.status < 300).map((answer) => answer.body.id as string);
      await scene.expectAllKept([...ids, ...probed.ids], new Set([...keys, ...probed.keys, ...big.keys]));
      await scene.expectSomeBatched(ids);
      const rows = await scene.rows();
      expect(rows.every((row) => row.retry_count === 0)).toBe(true);
      await truth.stop();
    },
    TEST_TIMEOUT_MS,
  );
});

/** What readyz says is missing. */
async function missing(url: string): Promise<string[]> {
  const answer = (await (await fetch(`${url}/readyz`)).json()) as { missing: string[] };
  return answer.missing;
}

/** Posts big events until there is no room for one. */
async function takeWhatIsLeft(url: string): Promise<{ answers: Answer[]; keys: string[] }> {
  const filler = randomBytes(BIG_FILLER_BYTES).toString('base64');
  const answers: Answer[] = [];
  const keys: string[] = [];
  await waitFor(async () => {
    keys.push(`big-${keys.length}`);
    answers.push(await post(url, { key: keys.at(-1) as string, filler }));
    return answers.at(-1)?.status === 503;
  }, PATIENCE_MS);
  return { answers, keys };
}
