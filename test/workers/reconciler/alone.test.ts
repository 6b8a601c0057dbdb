// One worker at a time does what one is to do, for as long as it shows progress.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { type AloneOptions, createAlone, type GoOn } from '../../../src/workers/reconciler/alone.ts';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';

const RENEW_EVERY_MS = 20;

async function setup() {
  const { pool } = await createDatabase();
  return {
    worker: (further: Partial<AloneOptions> = {}) =>
      createAlone({ pool, workerId: randomUUID(), renewEveryMs: RENEW_EVERY_MS, ...further }),
    /** As if the holder hadn't renewed the lease for long enough. */
    expire: () => pool.query(`update tem.part_lease set lease_until = clock_timestamp() - interval '1 s'`),
    leaseLeftMs: async () =>
      (
        await pool.query<{ left: number }>(
          'select extract(epoch from lease_until - clock_timestamp())::float8 * 1000 as left from tem.part_lease',
        )
      ).rows[0]?.left ?? 0,
  };
}

/** Work that goes on until it is ended. */
function held() {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let begun = 0;
  let goOn: GoOn | undefined;
  return {
    end,
    begun: () => begun,
    goOn: async () => goOn?.(),
    work: async (limited: () => GoOn) => {
      begun += 1;
      goOn = limited();
      await ended;
    },
  };
}

test('others do nothing while one is at it, and the next one may when that has ended', async () => {
  const { worker } = await setup();
  const [one, other] = [held(), held()];
  const running = worker().run(one.work);
  await waitFor(() => one.begun());
  const second = worker();
  await second.run(other.work);
  expect(other.begun()).toBe(0);
  one.end();
  await running;
  other.end();
  await second.run(other.work);
  expect(other.begun()).toBe(1);
});

test('two who ask in one process wait for one work, and each hears that it goes on, though it outlives the lease', async () => {
  const { worker, expire, leaseLeftMs } = await setup();
  const one = held();
  const alone = worker();
  const heard = [0, 0];
  const both = heard.map((_, index) =>
    alone.run(one.work, () => {
      heard[index] = (heard[index] ?? 0) + 1;
    }),
  );
  await waitFor(() => one.begun());
  await expire();
  await waitFor(async () => (await leaseLeftMs()) > 0);
  await waitFor(() => heard.every((times) => times >= 3));
  one.end();
  await Promise.all(both);
  expect(one.begun()).toBe(1);
});

test('a step that takes too long is no progress: nothing is renewed, another takes over, and the work hears of it', async () => {
  const { worker, expire } = await setup();
  const [stuck, other] = [held(), held()];
  let heard = 0;
  const running = worker({ stepMsMax: 0 }).run(stuck.work, () => {
    heard += 1;
  });
  await waitFor(() => stuck.begun());
  await expire();
  const second = worker().run(other.work);
  await waitFor(() => other.begun());
  expect(heard).toBe(0);
  stuck.end();
  other.end();
  await Promise.all([running, second]);
});

test('work that another has taken over may not go on', async () => {
  const { worker, expire } = await setup();
  const [one, other] = [held(), held()];
  const running = worker({ renewEveryMs: 200 }).run(one.work);
  await waitFor(() => one.begun());
  await expire();
  const second = worker().run(other.work);
  await waitFor(() => other.begun());
  await waitFor(() =>
    one.goOn().then(
      () => false,
      (error: Error) => error.message === 'another worker has taken over',
    ),
  );
  one.end();
  other.end();
  await Promise.all([running, second]);
});

test('one kind of work has its time, and the next its own', async () => {
  const { worker } = await setup();
  const seen: boolean[] = [];
  await worker({ workMsMax: 0 }).run(async (limited) => {
    seen.push(await limited()());
  });
  await worker({ workMsMax: 60_000 }).run(async (limited) => {
    seen.push(await limited()(), await limited()());
  });
  expect(seen).toEqual([false, true, true]);
});
