// Looking up what is owned, by its run or because it is overdue, reads what is found and not all that is owned.

import { expect, onTestFinished, test } from 'vitest';
import { overdue, ownedByRun } from '../../../src/core/ledger/free.ts';
import { createDatabase } from '../../support/database.ts';
import { workerSession } from '../../support/reads.ts';

const OWNED = 5_000;
const READ_MAX = 50;

test('an overdue event and the members of a batch are found among thousands that are owned', async () => {
  const { databaseUrl, pool } = await createDatabase();
  const session = workerSession(databaseUrl);
  // Of three workers, and of runs that wait and have none.
  await pool.query(
    `insert into tem.event (type, key, payload, due_at, due_by, worker_id, workflow_id)
     select 'note', n::text, '{}', null, now() + case when n > 4 then 1 else -n end * interval '1 minute',
       nullif((n % 4 || '0000000-0000-4000-8000-00000000000a')::uuid, '00000000-0000-4000-8000-00000000000a'),
       'note:batch:' || n / 3
     from generate_series(1, $1::int) n`,
    [OWNED],
  );
  const reading = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    await session.query('begin');
    const before = await rowsRead();
    const result = await call();
    expect((await rowsRead()) - before).toBeLessThan(READ_MAX);
    await session.query('commit');
    return result;
  };
  const rowsRead = async (): Promise<number> => {
    const { rows } = await session.query<{ read: number }>(
      `select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_xact_user_tables
       where schemaname = 'tem' and relname = 'event'`,
    );
    return rows[0]?.read ?? 0;
  };
  onTestFinished(async () => void (await session.query('rollback')));
  const found = await reading(() => overdue(session, 3));
  expect(found.map(({ key }) => key)).toEqual(['4', '3', '2']);
  expect((await reading(() => overdue(session, 3, found.at(-1)))).map(({ key }) => key)).toEqual(['1']);
  const members = await reading(() => ownedByRun(session, 'note:batch:1000'));
  expect(members).toHaveLength(3);
});
