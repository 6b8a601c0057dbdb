// The example that readers copy does what it says, on a real ledger.

import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { expect, test } from 'vitest';
import { seatReserve } from '../../examples/seat-reservation.ts';
import { LedgerTransaction } from '../../src/core/attempt/transaction.ts';
import type { CompensationContext, EventView, HandlerContext } from '../../src/core/event-type.ts';
import { createEventTypes } from '../../src/core/event-types.ts';
import { createDatabase } from '../support/database.ts';

async function setup() {
  const { pool } = await createDatabase();
  const emitted: [string, unknown][] = [];
  const reserve = async (payload: unknown, failed?: string) => {
    const id = randomUUID();
    const tx = new LedgerTransaction(pool);
    const event = { id, payload } as EventView<never>;
    const context = {
      tx,
      log: pino({ level: 'silent' }),
      emit: async (type: string, emittedPayload: unknown) => {
        emitted.push([type, emittedPayload]);
        return randomUUID();
      },
    } as unknown as HandlerContext;
    try {
      if (failed === undefined) await seatReserve.handle(event, context);
      else await seatReserve.compensate?.(event, { ...context, error: { message: failed } } as CompensationContext);
      await tx.commit(async () => true);
    } catch (error) {
      await tx.rollback();
      throw error;
    }
  };
  return { pool, emitted, reserve };
}

test('the example reserves a seat once and tells both users', async () => {
  const { pool, emitted, reserve } = await setup();
  const seat = { show: 'hamlet', seat: '12A' };
  await reserve({ ...seat, user: 'ada' });
  const second = reserve({ ...seat, user: 'bob' });
  await expect(second).rejects.toMatchObject({ name: 'NotRetryable', message: 'seat 12A of hamlet is taken' });
  await reserve({ ...seat, user: 'bob' }, 'seat 12A of hamlet is taken');
  expect(emitted).toEqual([
    ['notification', { user: 'ada', title: 'Seat 12A is yours', body: 'See you at hamlet.' }],
    ['notification', { user: 'bob', title: 'Seat 12A is not reserved', body: 'hamlet: seat 12A of hamlet is taken' }],
  ]);
  const { rows } = await pool.query('select show, seat, "user" from example.seat');
  expect(rows).toEqual([{ ...seat, user: 'ada' }]);
});

test('the example can begin on an empty database many times at once', async () => {
  const { pool, reserve } = await setup();
  await Promise.all(Array.from({ length: 8 }, (_, n) => reserve({ show: 'hamlet', seat: `${n + 1}A`, user: 'ada' })));
  const { rows } = await pool.query('select count(*)::int as n from example.seat');
  expect(rows).toEqual([{ n: 8 }]);
});

test('the example refuses what is no seat', () => {
  const types = createEventTypes([seatReserve]);
  expect(types.refusal(seatReserve, { show: 'hamlet', seat: '12A', user: 'ada' })).toBeUndefined();
  expect(types.refusal(seatReserve, { show: 'hamlet', seat: 'twelve', user: 'ada' })?.path).toBe('/seat');
});
