// Somebody's open transaction holds the row of one event, as a psql that was left open does: whatever the load, the others
// are PROCESSED at once, and that one when its row is free.

import type pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runBatch } from '../../../src/core/attempt/batch.ts';
import { waitFor } from '../../support/wait.ts';
import { gate, insertEffect, openBench, typeOf } from './bench.ts';

const createBench = await openBench();

const EVENTS = 20;
const OTHERS_WITHIN_MS = 2_000;

/** Locks the rows until it is called. */
async function lock(pool: pg.Pool, ...ids: string[]): Promise<() => Promise<void>> {
  const client = await pool.connect();
  let held = true;
  const free = async (): Promise<void> => {
    if (!held) return;
    held = false;
    await client.query('rollback');
    client.release();
  };
  onTestFinished(free);
  await client.query('begin');
  await client.query('select from tem.event where id = any($1::uuid[]) for update', [ids]);
  return free;
}

/** `waits`: handlers wait until they are let go on, so that all marks come together. */
async function setup({ waits = false, usesTx = false, together = false } = {}) {
  const { opened, open } = gate();
  if (!waits) open();
  let began = 0;
  const bench = await createBench([
    typeOf(
      async ({ id }, { tx }) => {
        began += 1;
        await opened;
        if (usesTx) await insertEffect(tx, id);
      },
      {
        batch: EVENTS,
        ...(together && {
          async handleAll(events, { tx }) {
            began += events.length;
            await opened;
            if (usesTx) for (const { id } of events) await insertEffect(tx, id);
          },
        }),
      },
    ),
  ]);
  const ids = await Promise.all(Array.from({ length: EVENTS }, () => bench.accept()));
  const [locked, ...others] = ids as [string, ...string[]];
  const stateOf = async (id: string) => (await bench.row(id)).state;
  return {
    ...bench,
    ids,
    locked,
    others,
    open,
    stateOf,
    allBegan: () => waitFor(() => began >= EVENTS),
    batch: () =>
      runBatch(
        bench.dependencies,
        'probe',
        ids.map((id) => ({ id, generation: 0, attempt: 1 })),
      ),
    /** While the row is held, and then when it is not. */
    async expectOthersAtOnce(free: () => Promise<void>): Promise<void> {
      const startedAt = performance.now();
      // One question: the marks share this pool.
      const ended = async () => {
        const { rows } = await bench.pool.query<{ ended: boolean }>(
          `select bool_and(state = 'PROCESSED') as ended from tem.event where id = any($1::uuid[])`,
          [others],
        );
        return rows[0]?.ended;
      };
      await waitFor(ended, 30_000);
      expect(performance.now() - startedAt).toBeLessThan(OTHERS_WITHIN_MS);
      expect(await stateOf(locked)).not.toBe('PROCESSED');
      await free();
      await waitFor(async () => (await stateOf(locked)) === 'PROCESSED', 10_000);
      expect((await bench.row(locked)).retry_count).toBe(0);
    },
  };
}

describe('a row that somebody holds', () => {
  test('when its attempt begins delays no other', async () => {
    const { pool, ids, locked, attempt, expectOthersAtOnce } = await setup();
    const free = await lock(pool, locked);
    const attempts = ids.map((id) => attempt(id, { generation: 0, attempt: 1 }));
    await expectOthersAtOnce(free);
    expect(new Set((await Promise.all(attempts)).map(({ outcome }) => outcome))).toEqual(new Set(['processed']));
  });

  test.each([false, true])('when it is marked delays no other (transaction: %s)', async (usesTx) => {
    const { pool, ids, locked, attempt, allBegan, open, expectOthersAtOnce } = await setup({ waits: true, usesTx });
    const attempts = ids.map((id) => attempt(id, { generation: 0, attempt: 1 }));
    await allBegan();
    const free = await lock(pool, locked);
    open();
    await expectOthersAtOnce(free);
    await Promise.all(attempts);
  });

  test.each([false, true])('when its batch begins delays no other of it (handled together: %s)', async (together) => {
    const { pool, locked, batch, expectOthersAtOnce } = await setup({ together });
    const free = await lock(pool, locked);
    const run = batch();
    await expectOthersAtOnce(free);
    expect(await run).toEqual({ processed: EVENTS });
  });

  test.each([false, true])('when its batch is marked delays no other of it (transaction: %s)', async (usesTx) => {
    const { pool, locked, batch, allBegan, open, expectOthersAtOnce } = await setup({
      waits: true,
      usesTx,
      together: true,
    });
    const run = batch();
    await allBegan();
    const free = await lock(pool, locked);
    open();
    await expectOthersAtOnce(free);
    expect(await run).toMatchObject({ processed: expect.any(Number) });
  });
});
