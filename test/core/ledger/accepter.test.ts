// Accepting together: one bad or blocked event harms no other, and a ledger that is away is known within two seconds.

import { describe, expect, it, onTestFinished } from 'vitest';
import { LedgerUnavailable } from '../../../src/core/errors.ts';
import type { AcceptInput } from '../../../src/core/ledger/accept.ts';
import { type Accepter, createAccepter } from '../../../src/core/ledger/accepter.ts';
import { createPool } from '../../../src/core/ledger/pool.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { linkDatabase } from '../../support/database-link.ts';
import { waitFor } from '../../support/wait.ts';

const UNAVAILABLE_WITHIN_MS = 2_000;
const TURNS = 2;
// A statement that waits here is in the middle of its work, and no lock timeout ends it.
const HOLD = `
  create table hold as select true as held;
  create function wait_while_held() returns trigger language plpgsql as $$ begin
    while exists (select from public.hold) loop perform pg_sleep(0.02); end loop;
    return new;
  end $$;
  create trigger wait_while_held before insert on tem.event for each row
    when (new.key like 'batch %') execute function wait_while_held()`;
const event = (key?: string, payload: unknown = { a: 1 }): AcceptInput => ({
  type: 'note',
  payload,
  source: 'test',
  ...(key && { key }),
});
/** Passes every check in TypeScript and is refused by Postgres. */
const unstorable = (): AcceptInput => event(undefined, 'a\0b');

async function setup(): Promise<{ database: TestDatabase; accepter: Accepter; connectionsInUse(): number }> {
  const database = await createDatabase();
  const pool = createPool(database.databaseUrl, { max: 5, applicationName: 'accepter' });
  onTestFinished(() => pool.end());
  return {
    database,
    accepter: createAccepter(pool),
    connectionsInUse: () => pool.totalCount - pool.idleCount + pool.waitingCount,
  };
}
const keys = async ({ pool }: TestDatabase) => (await pool.query('select count(*)::int as n from tem.event')).rows[0].n;

describe('the accepter', () => {
  it('shares statements between calls that arrive together', async () => {
    const { database, accepter } = await setup();
    const outcomes = await Promise.all(
      Array.from({ length: 500 }, (_, index) => accepter.accept(event(`k${index}`), 100)),
    );
    expect(outcomes.every(({ status }) => status === 'accepted')).toBe(true);
    expect(await keys(database)).toBe(500);
    const { rows } = await database.pool.query('select count(distinct xmin::text)::int as transactions from tem.event');
    expect(rows[0].transactions).toBeLessThan(50);
  });

  it('fails the one event that Postgres refuses, and no other', async () => {
    const { database, accepter } = await setup();
    const calls = Array.from({ length: 100 }, (_, index) =>
      accepter.accept(index === 37 ? unstorable() : event(`k${index}`), 100),
    );
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))).toEqual([37]);
    expect(await keys(database)).toBe(99);
  });

  it('lets nobody wait for a key that another transaction holds', async () => {
    const { database, accepter } = await setup();
    const holder = await database.pool.connect();
    await holder.query('begin');
    await holder.query(`select tem.enqueue('note', '{"a":1}', key => 'held')`);
    const startedAt = performance.now();
    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 30 }, (_, index) => accepter.accept(event(`k${index}`), 100)),
      ...Array.from({ length: 20 }, () => accepter.accept(event('held'), 100)),
      ...Array.from({ length: 30 }, () => accepter.accept(event(), 100)),
    ]);
    expect(performance.now() - startedAt).toBeLessThan(UNAVAILABLE_WITHIN_MS);
    const rejected = outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [[index, outcome.reason]] : [],
    );
    expect(rejected.map(([index]) => index)).toEqual(Array.from({ length: 20 }, (_, index) => index + 30));
    for (const [, reason] of rejected) expect(reason).toBeInstanceOf(LedgerUnavailable);
    await holder.query('commit');
    holder.release();
    expect((await accepter.accept(event('held'), 100)).status).toBe('duplicate');
  });

  it('accepts a batch but for the events that Postgres refuses', async () => {
    const { database, accepter } = await setup();
    const outcomes = await accepter.acceptBatch([
      event('a'),
      unstorable(),
      event('b'),
      event('a', 'other'),
      unstorable(),
      event(),
    ]);
    expect(outcomes.map((outcome) => (outcome instanceof Error ? 'error' : outcome.status))).toEqual([
      'accepted',
      'error',
      'accepted',
      'conflict',
      'error',
      'accepted',
    ]);
    expect(await keys(database)).toBe(3);
  });

  it('accepts nothing of a batch whose transaction fails', async () => {
    const { database, accepter } = await setup();
    const holder = await database.pool.connect();
    await holder.query('begin');
    await holder.query(`select tem.enqueue('note', '1', key => 'held')`);
    await expect(accepter.acceptBatch([event('a'), event('held'), event('z')])).rejects.toBeInstanceOf(
      LedgerUnavailable,
    );
    await holder.query('rollback');
    holder.release();
    expect(await keys(database)).toBe(0);
  });

  it('refuses batches that would wait behind too many others', async () => {
    const { accepter } = await setup();
    const batches = Array.from({ length: 20 }, (_, batch) => accepter.acceptBatch([event(`b${batch}`)]));
    const outcomes = await Promise.allSettled(batches);
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true);
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(2);
    expect(await accepter.acceptBatch([event('later')])).toMatchObject([{ status: 'accepted' }]);
  });

  it('lets a batch whose callers have gone keep its turn until its work is over, and writes none that had no turn yet', async () => {
    const { database, accepter, connectionsInUse } = await setup();
    await database.pool.query(HOLD);
    const abandoned = await Promise.allSettled(
      [1, 2, 3, 4].map((batch) => accepter.acceptBatch([event(`batch ${batch}`)])),
    );
    for (const outcome of abandoned)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'LedgerUnavailable' } });

    const later = accepter.acceptBatch([event('batch 5')]);
    await accepter.accept(event('single'), 100);
    expect(connectionsInUse()).toBe(TURNS);
    await database.pool.query('delete from hold');
    expect(await later).toMatchObject([{ status: 'accepted' }]);
    await waitFor(() => connectionsInUse() === 0);
    const { rows } = await database.pool.query<{ key: string }>('select key from tem.event order by key');
    expect(rows.map(({ key }) => key)).toEqual(['batch 1', 'batch 2', 'batch 5', 'single']);
  });

  it.each(['cut', 'freeze'] as const)(
    'says within 2 s that the ledger is away (%s), and works again after it',
    async (how) => {
      const database = await createDatabase();
      const link = await linkDatabase(database.databaseUrl);
      const pool = createPool(link.databaseUrl, { max: 3, applicationName: 'accepter', connectionTimeoutMs: 1_500 });
      onTestFinished(() => pool.end());
      const accepter = createAccepter(pool);
      await accepter.accept(event('before'), 100);
      await link[how]();
      const startedAt = performance.now();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) => accepter.accept(event(`during${index}`), 100)),
      );
      expect(performance.now() - startedAt).toBeLessThan(UNAVAILABLE_WITHIN_MS);
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'LedgerUnavailable' } });
      await link.restore();
      await waitFor(() => accepter.accept(event('after'), 100));
      expect((await accepter.accept(event('before'), 100)).status).toBe('duplicate');
    },
  );
});
