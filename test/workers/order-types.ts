// A type whose events have an order, whose attempts say what they did, and find out whether another of their value runs.

import { defineEventType, NotRetryable, Type } from 'tem';

export const entry = defineEventType({
  name: 'entry',
  payload: Type.Object({ account: Type.String(), n: Type.Integer(), fails: Type.Boolean(), hangs: Type.Boolean() }),
  orderBy: '/account',
  batch: 20,
  retry: { maxAttempts: 3, base: '50ms', jitter: 0 },
  async handle({ payload: { account, n, fails, hangs }, attempt, idempotencyKey }, { tx, signal }) {
    const { rows } = await tx.query<{ alone: boolean }>('select pg_try_advisory_xact_lock(hashtext($1)) as alone', [
      account,
    ]);
    if (!rows[0]?.alone) throw new NotRetryable('another of its account runs');
    if (fails && attempt === 1) throw new Error('fails once');
    if (hangs) {
      const { rows: before } = await tx.query('select from held where id = $1', [idempotencyKey]);
      // Only the first time, which the test ends by killing the worker.
      if (before.length === 0) await new Promise((_, reject) => signal.addEventListener('abort', reject));
    }
    await tx.query('insert into done (account, n) values ($1, $2)', [account, n]);
  },
});
