// A ledger with a type whose events have an order, and what moves them along as workers do.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Type } from 'typebox';
import { expect, onTestFinished } from 'vitest';
import { defineEventType, type OrderAfterExtinct } from '../../../src/core/event-type.ts';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import { begin, WHICHEVER_IS_NEXT } from '../../../src/core/ledger/begin.ts';
import { getEvent } from '../../../src/core/ledger/events.ts';
import { registerWorker } from '../../../src/core/ledger/leases.ts';
import { mark, marks } from '../../../src/core/ledger/mark.ts';
import { createDatabase } from '../../support/database.ts';

export const DAY_MS = 24 * 3_600_000;

function entry(orderAfterExtinct: OrderAfterExtinct) {
  return defineEventType({
    name: 'entry',
    payload: Type.Object({}),
    orderBy: '/account',
    orderAfterExtinct,
    handle() {},
  });
}

const plain = defineEventType({ name: 'plain', payload: Type.Object({}), handle() {} });

export async function createLinesBench() {
  const { pool, databaseUrl } = await createDatabase();
  const workerId = randomUUID();

  async function start(id: string): Promise<number> {
    const { rows } = await pool.query(
      `update tem.event set due_at = null, due_by = 'infinity', generation = generation + 1, worker_id = $2
       where id = $1 and due_at is not null returning generation`,
      [id, workerId],
    );
    const [begun] = await begin(pool, workerId, [
      { id, generation: rows[0].generation, attempt: WHICHEVER_IS_NEXT, maxAttempts: 3, dueByMs: 60_000 },
    ]);
    return (begun as { epoch: number }).epoch;
  }

  return {
    pool,
    async reset(): Promise<void> {
      await pool.query('truncate tem.event, tem.line, tem.line_left cascade');
    },
    register: (after: OrderAfterExtinct) =>
      registerWorker(pool, { id: workerId, host: 'here', pid: 1, taskQueue: 'q', types: [entry(after), plain] }),
    async add(account: unknown, further: object = {}): Promise<string> {
      const [outcome] = await acceptEvents(pool, [{ type: 'entry', payload: { account }, source: 'test', ...further }]);
      return outcome?.id as string;
    },
    async enqueue(client: pg.Pool | pg.ClientBase, account: unknown, key?: string): Promise<string> {
      const values = ['entry', { account }, key ?? null];
      const { rows } = await client.query('select tem.enqueue($1, $2, key => $3) as id', values);
      return rows[0].id;
    },
    /** Another session, in a transaction. */
    async open(isolation = 'read committed'): Promise<pg.Client> {
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      onTestFinished(() => client.end());
      await client.query(`begin isolation level ${isolation}`);
      return client;
    },
    async due(): Promise<string[]> {
      const { rows } = await pool.query('select id from tem.event where due_at is not null order by due_at');
      return rows.map(({ id }) => id);
    },
    async behind(id: string): Promise<string | null | undefined> {
      return (await getEvent(pool, id))?.behind;
    },
    /** One attempt of an event whose turn it is. */
    async attempt(id: string, to: 'processed' | 'extinct' | 'retry'): Promise<void> {
      const fence = { id, epoch: await start(id), actor: 'test' };
      const outcomes = {
        processed: () => marks.processed(fence, null),
        extinct: () => marks.end(fence, 'EXTINCT', 'no', true),
        retry: () => marks.retry(fence, 'no', DAY_MS, true),
      };
      expect(await mark(pool, [outcomes[to]()])).toEqual([true]);
    },
  };
}
