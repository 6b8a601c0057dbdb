// Handlers that misbehave among the members of a batch, in a real worker process: their own event says what was wrong,
// and no other member fails, times out, loses an attempt or waits for them.

import { afterAll, describe, expect, test } from 'vitest';
import { acceptLate } from '../support/late.ts';
import { waitFor } from '../support/wait.ts';
import { createScene } from './scene.ts';

const FLOOD = 100;
/** Behind those that have a workflow each, before the flood is noticed. */
const FIRST_OF_BATCH = 10;
const LATE_MS = 60_000;
const BLOCK_MS = 5_000;
const MARGIN_MS = 5_000;
const PATIENCE_MS = 60_000;

const scene = await createScene({ TEM_SLOTS: '4' });
const { pool, worker, until, untilState, openGate, effects } = scene;
// Which run an attempt belonged to, as its handler began.
await pool.query(`
  alter table done add run text;
  create function note_run() returns trigger language plpgsql as $$
    begin new.run := (select workflow_id from tem.event where id = new.event); return new; end $$;
  create trigger note_run before insert on done for each row execute function note_run()`);

// Whatever happens here, this process lives through it.
afterAll(async () => {
  const { rows } = await pool.query('select count(*)::int as crashes from tem.event where crash_count > 0');
  expect(rows).toEqual([{ crashes: 0 }]);
  expect((await worker.stop()).code).toBe(0);
});

interface Member {
  id: string;
  key: string;
}

/** Accepts a flood in one transaction: the guilty ones with these plans, among neighbours that do what they should. */
async function flood(type: string, plans: string[][]): Promise<{ guilty: Member[]; neighbours: Member[] }> {
  // So late that the relay notices the flood with the first ones.
  const { rows } = await acceptLate(pool, LATE_MS, (client) =>
    client.query<Member>(
      `with given as (
         select coalesce($2::jsonb -> (n - $4), '{}') as payload, gen_random_uuid()::text as key, n
         from generate_series(1, $3) n)
       select tem.enqueue($1, case when n < $4 then '{}' else payload end, key) as id, key from given order by n`,
      [type, JSON.stringify(plans.map((plan) => ({ plan }))), FLOOD, FIRST_OF_BATCH],
    ),
  );
  const guilty = rows.slice(FIRST_OF_BATCH - 1, FIRST_OF_BATCH - 1 + plans.length);
  return { guilty, neighbours: rows.filter((row) => !guilty.includes(row)) };
}

/** Waits until all are PROCESSED, each by its first attempt with its one effect. */
async function untilUnharmed(neighbours: readonly Member[]): Promise<void> {
  const ids = neighbours.map(({ id }) => id);
  await waitFor(async () => {
    const { rows } = await pool.query(
      `select state, count(*)::int as count from tem.event where id = any($1) and state <> 'PROCESSED' group by 1`,
      [ids],
    );
    if (rows.length > 0) throw new Error(JSON.stringify(rows));
    return true;
  }, PATIENCE_MS);
  const { rows } = await pool.query(
    `select e.state, retry_count, last_error, lane, count(*)::int as events, sum(effects)::int as effects
     from tem.event e, lateral (select count(*) as effects from effect where event = e.id) counted
     where id = any($1) group by 1, 2, 3, 4`,
    [ids],
  );
  expect(rows).toEqual([
    { state: 'PROCESSED', retry_count: 0, last_error: null, lane: 0, events: ids.length, effects: ids.length },
  ]);
}

/** The batches that these events' first attempts were in, with their further members; throws when one was in none. */
async function runsOf(guilty: readonly Member[]): Promise<{ id: string; run: string; beside: number }[]> {
  const { rows } = await pool.query<{ id: string; run: string; beside: number }>(
    `select event as id, run, (select count(distinct event)::int - 1 from done b where b.run = d.run) as beside
     from done d where event = any($1) and attempt = 1`,
    [guilty.map(({ id }) => id)],
  );
  for (const { run } of rows) expect(run).toMatch(/:batch:/);
  return rows;
}

const MISDEEDS: [what: string, error: string | RegExp][] = [
  ['forget', 'a promise or timer that the handler left behind failed: nobody waits for me'],
  ['throwFromTimer', 'a promise or timer that the handler left behind failed: thrown from a timer'],
  ['throwUndefined', 'a non-error was thrown: undefined'],
  ['tooMuch', /^the handler's result has 3000002 bytes/],
  ['unserialisable', /can't be written as JSON.*BigInt/],
  ['swallow', /current transaction is aborted/],
  ['leaveQuery', /current transaction is aborted|division by zero/],
  ['atCommit', /duplicate key value/],
  ['holdOn', 'the attempt timed out after 3000 ms'],
  ['holdTransaction', 'the attempt timed out after 3000 ms'],
];

describe('in a batch', () => {
  test('members that misbehave in every way fail alone, and harm and delay no other', async () => {
    const { guilty, neighbours } = await flood(
      'many-hasty',
      MISDEEDS.map(([what]) => [what, 'ok']),
    );
    await untilUnharmed(neighbours);
    for (const [index, [what, error]] of MISDEEDS.entries()) {
      const { id } = guilty[index] as Member;
      const failed = await until(id, ({ retry_count }) => retry_count === 1);
      expect.soft(failed.last_error, what).toMatch(error);
      expect(await untilState(id, 'PROCESSED'), what).toMatchObject({ retry_count: 1 });
      expect(await effects(id), what).toEqual(['done']);
    }
    for (const { key } of guilty) await openGate(key);

    for (const { beside } of await runsOf(guilty)) expect(beside).toBeGreaterThan(10);
    // Nobody in the batch waited for those that never came back.
    const { rows } = await pool.query(
      `select count(*)::int as late from tem.event e
       where id = any($1) and processed_at > (select min(at) from tem.transition where to_state = 'FAILED' and error like '%timed out%')`,
      [neighbours.map(({ id }) => id)],
    );
    expect(rows).toEqual([{ late: 0 }]);
  });

  test('a member that leaves something behind which fails after its end keeps its state, and its event says so', async () => {
    const { guilty, neighbours } = await flood('many', [['forgetForLater']]);
    const { id, key } = guilty[0] as Member;
    await untilState(id, 'PROCESSED');
    await untilUnharmed(neighbours);
    await openGate(key);
    const noted = await until(id, ({ last_error }) => last_error !== null);
    expect(noted).toMatchObject({ state: 'PROCESSED', retry_count: 0 });
    expect(noted.last_error).toContain('nobody waited for me');
    await runsOf(guilty);
    await untilUnharmed(neighbours);
  });

  test('a member that blocks the process for 5 seconds delays others by that, and none times out or fails', async () => {
    const lateness = async (members: readonly Member[]): Promise<number> => {
      const { rows } = await pool.query<{ ms: number }>(
        `select max(extract(epoch from processed_at - created_at))::float8 * 1000 as ms from tem.event where id = any($1)`,
        [members.map(({ id }) => id)],
      );
      return rows[0]?.ms as number;
    };
    const calm = (await flood('many-hasty', [])).neighbours;
    await untilUnharmed(calm);
    // The limit of each is shorter than the block.
    const { guilty, neighbours } = await flood('many-hasty', [['block']]);
    await untilUnharmed(neighbours);
    expect(await untilState((guilty[0] as Member).id, 'PROCESSED')).toMatchObject({ retry_count: 0, last_error: null });
    await runsOf(guilty);
    expect(await lateness(neighbours)).toBeLessThan((await lateness(calm)) + BLOCK_MS + MARGIN_MS);
  });
});

describe('in a batch that is handled together', () => {
  test.each([
    ['forget', 'a promise or timer that the handler left behind failed: nobody waits for me'],
    ['throwUndefined', 'a non-error was thrown: undefined'],
    ['leaveQuery', /current transaction is aborted|division by zero/],
    ['holdOn', 'the attempt timed out after 3000 ms'],
  ])('one that does %s is found out when its events are taken one by one', async (what, error) => {
    const { guilty, neighbours } = await flood('together', [[what, 'ok']]);
    const { id, key } = guilty[0] as Member;
    await untilUnharmed(neighbours);
    expect((await until(id, ({ retry_count }) => retry_count === 1)).last_error).toMatch(error);
    expect(await untilState(id, 'PROCESSED')).toMatchObject({ retry_count: 1 });
    await openGate(key);
    await runsOf(guilty);
  });
});
