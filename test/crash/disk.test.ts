// The ledger's disk runs full under load, and has space again later.

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { postgresOnSmallDisk } from '../support/small-disk.ts';
import { waitFor } from '../support/wait.ts';
import { type Answer, post, postUntilAccepted, spread } from './client.ts';
import { MODES, PATIENCE_MS, setup, TEST_TIMEOUT_MS } from './setup.ts';

const EVENTS = 300;
const ANSWERED_WITHIN_MS = 2_000;
const BUSY_MACHINE_MS = 1_500;
const FULL_FOR_MS = 5_000;

describe.each(MODES)('events run $mode', ({ TEM_BATCH }) => {
  test(
    'disk full, then space again: 503 within 2 s meanwhile, nothing lost, nothing twice',
    async () => {
      const disk = await postgresOnSmallDisk();
      // Said aloud, because the second proves less.
      process.stdout.write(
        disk.real ? 'on a real full disk\n' : 'no disk can be mounted here: Postgres only says that it is full\n',
      );
      const scene = await setup({ TEM_BATCH }, disk);
      const truth = scene.watchTruth({ toleratesOutages: true });
      await scene.startWorker();
      const url = String((await scene.startApi()).is.url);
      // A new row needs room, and can't be compressed into less.
      const filler = randomBytes(15_000).toString('base64');
      const refused: Answer[] = [];
      let accepted = 0;
      const clients = spread(EVENTS, 10, async (index) => {
        const answers = await postUntilAccepted(url, { key: `key-${index}`, filler });
        accepted += 1;
        refused.push(...answers.slice(0, -1));
        return answers.at(-1) as Answer;
      });
      await waitFor(() => accepted > EVENTS / 4, PATIENCE_MS);
      await disk.fill();
      await waitFor(async () => {
        const answer = await post(url, { key: 'while-full', filler: randomBytes(600_000).toString('base64') });
        if (answer.status === 503) refused.push(answer);
        return answer.status === 503;
      }, PATIENCE_MS);
      await delay(FULL_FOR_MS);
      await disk.free();

      const ids = (await clients).map((answer) => answer.body.id as string);
      expect(refused.length).toBeGreaterThan(0);
      for (const answer of refused) {
        expect(answer).toMatchObject({ status: 503, body: { code: 'ledger_unavailable' } });
        expect(answer.tookMs).toBeLessThan(ANSWERED_WITHIN_MS + BUSY_MACHINE_MS);
      }
      await scene.untilAll('PROCESSED');
      expect(new Set(ids).size).toBe(EVENTS);
      const rows = await scene.rows();
      await scene.expectEffectsOnce(rows.map((row) => row.id));
      expect(rows.length - EVENTS).toBeLessThanOrEqual(1);
      expect(rows.every((row) => row.retry_count === 0)).toBe(true);
      await truth.stop();
    },
    TEST_TIMEOUT_MS,
  );
});
