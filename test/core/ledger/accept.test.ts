// Accepting in sets, and the bell that it rings.

import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AcceptInput, acceptEvents } from '../../../src/core/ledger/accept.ts';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';

const event = (key: string | undefined, payload: unknown = { a: 1 }): AcceptInput => ({
  type: 'note',
  payload,
  source: 'test',
  ...(key !== undefined && { key }),
});
const statuses = (outcomes: { status: string }[]) => outcomes.map(({ status }) => status);
const count = async ({ pool }: TestDatabase): Promise<number> =>
  (await pool.query('select count(*)::int as n from tem.event')).rows[0].n;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('accepting a set', () => {
  it('gives each event its place, also when keys repeat within the set', async () => {
    const { pool } = await createDatabase();
    const outcomes = await acceptEvents(pool, [
      event('a'),
      event('b'),
      event('a'),
      event('b', { a: 2 }),
      event(undefined),
    ]);
    expect(statuses(outcomes)).toEqual(['accepted', 'accepted', 'duplicate', 'conflict', 'accepted']);
    expect(outcomes[2]?.id).toBe(outcomes[0]?.id);
    expect(outcomes[3]?.id).toBe(outcomes[1]?.id);
    for (const { id } of outcomes) expect(id).toMatch(UUID_V7);
    const { rows } = await pool.query('select key from tem.event where id = $1', [outcomes[4]?.id]);
    expect(rows[0].key).toBe(outcomes[4]?.id);
  });

  it('compares payloads as jsonb does', async () => {
    const { pool } = await createDatabase();
    const first = await acceptEvents(pool, [event('k', { a: 1, b: [1, 'x'] })]);
    const again = await acceptEvents(pool, [
      event('k', { b: [1, 'x'], a: 1.0 }),
      event('k', { a: 1, b: ['x', 1] }),
      event('k', null),
    ]);
    expect(statuses(again)).toEqual(['duplicate', 'conflict', 'conflict']);
    expect(again[0]?.id).toBe(first[0]?.id);
  });

  it('knows a pruned event by the digest of its payload', async () => {
    const { pool } = await createDatabase();
    const payload = { b: 2, a: [1.5, null] };
    await acceptEvents(pool, [event('old', payload)]);
    await pool.query('update tem.event set pruned = true, payload = to_jsonb(md5(payload::text))');
    expect(statuses(await acceptEvents(pool, [event('old', payload), event('old', { a: 1 })]))).toEqual([
      'duplicate',
      'conflict',
    ]);
    const same = await pool.query(`select tem.enqueue('note', '{"a":[1.5,null],"b":2}', key => 'old') as id`);
    expect(same.rows[0].id).toBeTruthy();
    await expect(pool.query(`select tem.enqueue('note', '{}', key => 'old')`)).rejects.toMatchObject({ code: 'TM409' });
  });

  it('makes one event of fifty calls with the same key', async () => {
    const database = await createDatabase();
    const outcomes = (
      await Promise.all(Array.from({ length: 50 }, () => acceptEvents(database.pool, [event('same')])))
    ).flat();
    expect(outcomes.filter(({ status }) => status === 'accepted')).toHaveLength(1);
    expect(outcomes.filter(({ status }) => status === 'duplicate')).toHaveLength(49);
    expect(new Set(outcomes.map(({ id }) => id)).size).toBe(1);
    expect(await count(database)).toBe(1);
  });

  it('does not deadlock when sets hold the same keys in another order', async () => {
    const database = await createDatabase();
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    const sets = Array.from({ length: 8 }, (_, turn) => (turn % 2 ? keys.toReversed() : keys).map((key) => event(key)));
    const outcomes = await Promise.all(sets.map((set) => acceptEvents(database.pool, set)));
    expect(outcomes.flat().filter(({ status }) => status === 'accepted')).toHaveLength(100);
    expect(await count(database)).toBe(100);
  });

  it('leaves nothing behind when its transaction is rolled back', async () => {
    const database = await createDatabase();
    const client = await database.pool.connect();
    await client.query('begin');
    expect(statuses(await acceptEvents(client, [event('x')]))).toEqual(['accepted']);
    await client.query('rollback');
    client.release();
    expect(await count(database)).toBe(0);
    expect(statuses(await acceptEvents(database.pool, [event('x', { other: true })]))).toEqual(['accepted']);
  });

  it('stops waiting for a transaction that holds a key', async () => {
    const { pool } = await createDatabase();
    const holder = await pool.connect();
    await holder.query('begin');
    await acceptEvents(holder, [event('held')]);
    await expect(acceptEvents(pool, [event('held')], { lockTimeoutMs: 50 })).rejects.toMatchObject({ code: '55P03' });
    await holder.query('commit');
    holder.release();
    expect(statuses(await acceptEvents(pool, [event('held')], { lockTimeoutMs: 50 }))).toEqual(['duplicate']);
    const { rows } = await pool.query('show lock_timeout');
    expect(rows[0].lock_timeout).toBe('0');
  });

  it('keeps priority, group and time', async () => {
    const { pool } = await createDatabase();
    const runAt = new Date('2040-02-03T04:05:06.789Z');
    await acceptEvents(pool, [{ ...event('k'), priority: 1, group: 'g"\\{', runAt }]);
    const { rows } = await pool.query('select priority, "group", run_at, due_at, state, source from tem.event');
    expect(rows[0]).toEqual({
      priority: 1,
      group: 'g"\\{',
      run_at: runAt,
      due_at: runAt,
      state: 'QUEUED',
      source: 'test',
    });
  });
});

describe.each(['a set of events', 'tem.enqueue'])('%s', (how) => {
  it('is due when it comes, and not before, whatever its transaction and its time', async () => {
    const { pool } = await createDatabase();
    const past = new Date('2020-01-01T00:00:00Z');
    const client = await pool.connect();
    await client.query('begin');
    const { rows: times } = await client.query('select now() as began, pg_sleep(0.05)');
    if (how === 'tem.enqueue')
      await client.query(`select tem.enqueue('note', '{}'), tem.enqueue('note', '{}', run_at => $1)`, [past]);
    else await acceptEvents(client, [event('a'), { ...event('b'), runAt: past }]);
    const { rows } = await client.query(
      `select due_at >= $1::timestamptz + interval '50 ms' and due_at <= clock_timestamp() as when_it_came, run_at
       from tem.event order by run_at`,
      [times[0].began],
    );
    await client.query('commit');
    client.release();
    expect(rows).toEqual([
      { when_it_came: true, run_at: past },
      { when_it_came: true, run_at: times[0].began },
    ]);
  });
});

describe('the bell', () => {
  const SLEEPS_UNTIL_US = (Date.now() + 3_600_000) * 1_000;

  async function listening(): Promise<{ database: TestDatabase; rings: () => number }> {
    const database = await createDatabase();
    const listener = createListener(database.databaseUrl, pino({ level: 'silent' }));
    onTestFinished(() => listener.stop());
    let rings = 0;
    listener.listen('tem_due', () => {
      rings += 1;
    });
    await listener.ready();
    return { database, rings: () => rings };
  }
  /** What was notified before has arrived when this has. */
  async function settled(database: TestDatabase, rings: () => number): Promise<number> {
    const before = rings();
    await database.pool.query(`notify tem_due`);
    await waitFor(() => rings() > before);
    return before;
  }

  it('rings once, at commit, for a set and for several sets of one transaction', async () => {
    const { database, rings } = await listening();
    await database.pool.query(`select setval('tem.bell', $1)`, [SLEEPS_UNTIL_US]);
    const client = await database.pool.connect();
    await client.query('begin');
    await acceptEvents(
      client,
      Array.from({ length: 20 }, (_, index) => event(`k${index}`)),
    );
    await acceptEvents(client, [event('more')]);
    await client.query(`select tem.enqueue('note', '1')`);
    expect(await settled(database, rings)).toBe(0);
    await client.query('commit');
    client.release();
    await waitFor(() => rings() >= 2);
    expect(await settled(database, rings)).toBe(2);
  });

  it('stays silent while no relay sleeps, for a duplicate and for a rollback', async () => {
    const { database, rings } = await listening();
    await acceptEvents(database.pool, [event('k')]);
    await database.pool.query(`select setval('tem.bell', $1)`, [SLEEPS_UNTIL_US]);
    await acceptEvents(database.pool, [event('k')]);
    const client = await database.pool.connect();
    await client.query('begin');
    await acceptEvents(client, [event('other')]);
    await client.query('rollback');
    client.release();
    expect(await settled(database, rings)).toBe(0);
    // What was rolled back had rung, and nobody rings again so soon.
    await database.pool.query(`select setval('tem.rung', 0)`);
    await database.pool.query(`select tem.enqueue('note', '1')`);
    await waitFor(() => rings() === 2);
  });

  it('rings also when the clock was set back since somebody rang', async () => {
    const { database, rings } = await listening();
    await database.pool.query(`select setval('tem.bell', $1), setval('tem.rung', $1)`, [SLEEPS_UNTIL_US]);
    await acceptEvents(database.pool, [event('k')]);
    await waitFor(() => rings() === 1);
  });

  it('is left to others by a transaction whose own ring comes late', async () => {
    const { database, rings } = await listening();
    await database.pool.query(`select setval('tem.bell', $1)`, [SLEEPS_UNTIL_US]);
    const client = await database.pool.connect();
    onTestFinished(() => client.release(true));
    await client.query('begin');
    await client.query('select pg_sleep(0.06)');
    await acceptEvents(client, [event('long')]);
    await acceptEvents(database.pool, [event('short')]);
    await waitFor(() => rings() === 1);
    await client.query('commit');
    await waitFor(() => rings() === 2);
  });
});
