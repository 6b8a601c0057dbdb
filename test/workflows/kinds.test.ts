// Events that come in unusual ways: later, of a type that nobody knows, with a payload that the schema refuses, or of an
// older shape.

import { describe, expect, test } from 'vitest';
import { cancelEvent } from '../../src/core/ledger/cancel.ts';
import { waitFor } from '../support/wait.ts';
import { createScene } from './scene.ts';

const UNKNOWN_AFTER = '4s';
const scene = await createScene({ TEM_UNKNOWN_TYPE_AFTER: UNKNOWN_AFTER, TEM_RECONCILE_EVERY: '2s' });
const { pool, accept, until, untilState, done, history, event: read } = scene;

/** As an application does it, in its own SQL. */
async function enqueue(type: string, payload: unknown, runAt: Date | null = null): Promise<string> {
  const { rows } = await pool.query<{ id: string }>('select tem.enqueue($1, $2::jsonb, run_at => $3) as id', [
    type,
    JSON.stringify(payload),
    runAt,
  ]);
  return rows[0]!.id;
}

describe.concurrent('an event', () => {
  test('for later runs at its time and not before', async () => {
    const event = await accept('quick', {}, { runAt: new Date(Date.now() + 2_000) });
    await untilState(event.id, 'PROCESSED');
    const { rows } = await pool.query(
      "select d.at - e.run_at >= interval '0' as in_time from done d join tem.event e on e.id = d.event where e.id = $1",
      [event.id],
    );
    expect(rows).toEqual([{ in_time: true }]);
  });

  test('by SQL runs like one by HTTP', async () => {
    const id = await enqueue('quick', { plan: ['ok'] });
    await untilState(id, 'PROCESSED');
    expect(await done(id)).toEqual(['ok']);
  });

  test('by SQL whose payload the schema refuses ends EXTINCT with the reason, and holds up no other', async () => {
    const bad = await enqueue('quick', { plan: 'not a list' });
    const good = await enqueue('quick', { plan: ['ok'] });
    expect(await untilState(bad, 'EXTINCT')).toMatchObject({
      retry_count: 0,
      last_error: 'payload refused: /plan must be array',
    });
    await untilState(good, 'PROCESSED');
    expect(await history(bad)).toEqual(['QUEUED -> EXTINCT']);
    expect(await done(bad)).toEqual([]);
  });

  test('by SQL with a bad payload among many of a batch ends alone', async () => {
    const { rows } = await pool.query<{ id: string; n: number }>(
      `select n, tem.enqueue('many', case when n = 50 then '{"plan": 1}' else '{}' end::jsonb) as id from generate_series(1, 100) n`,
    );
    for (const { id, n } of rows) await untilState(id, n === 50 ? 'EXTINCT' : 'PROCESSED');
  });

  test('of a type that no worker knows waits, holds up no other, and ends when its time is over', async () => {
    const id = await enqueue('nobody-knows-this', {});
    const other = await enqueue('quick', {});
    await untilState(other, 'PROCESSED');
    expect(await read(id)).toMatchObject({ state: 'QUEUED' });
    expect(await untilState(id, 'EXTINCT')).toMatchObject({
      last_error: 'no live worker knew the event type nobody-knows-this',
    });
    expect(await history(id)).toEqual(['QUEUED -> EXTINCT']);
  });

  test('of a type that no worker knows is cancelled like any other', async () => {
    const id = await enqueue('nobody-knows-this-either', {}, new Date(Date.now() + 3_600_000));
    expect(await cancelEvent(pool, id, 'test')).toMatchObject({ outcome: 'done', state: 'CANCELLED' });
  });

  test('with a payload of an older shape is upgraded', async () => {
    const old = await enqueue('upgraded', { name: 'Ada Lovelace' });
    const current = await enqueue('upgraded', { name: { first: 'Grace', last: 'Hopper' } });
    expect(await untilState(old, 'PROCESSED')).toMatchObject({ result: { first: 'Ada', last: 'Lovelace' } });
    expect(await untilState(current, 'PROCESSED')).toMatchObject({ result: { first: 'Grace', last: 'Hopper' } });
    const hopeless = await enqueue('upgraded', { name: 3 });
    expect((await untilState(hopeless, 'EXTINCT')).last_error).toMatch(/^payload refused/);
  });

  test('whose schema became stricter while it waited ends EXTINCT with the reason', async () => {
    const event = await accept('quick', { unknown: true }, { source: 'an older release' });
    expect(await untilState(event.id, 'EXTINCT')).toMatchObject({
      last_error: 'payload refused: /unknown is an unknown field',
    });
  });

  test('of first priority goes before others of its type', async () => {
    await pool.query(`select tem.enqueue('steady', '{"plan": ["ok"]}', 'low-' || n, 5) from generate_series(1, 150) n`);
    const first = await pool.query<{ id: string }>(`select tem.enqueue('steady', '{"plan": ["ok"]}', 'high', 1) as id`);
    const id = first.rows[0]!.id;
    await until(id, ({ state }) => state === 'PROCESSED');
    const after = await waitFor(async () => {
      const { rows } = await pool.query<{ open: number; later: number }>(
        `select count(*) filter (where state <> 'PROCESSED')::int as open,
           count(*) filter (where processed_at > (select processed_at from tem.event where key = 'high'))::int as later
         from tem.event where type = 'steady'`,
      );
      return rows[0]?.open === 0 ? rows[0] : undefined;
    });
    expect(after.later).toBeGreaterThan(50);
  });
});
