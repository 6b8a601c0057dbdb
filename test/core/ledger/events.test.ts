// Reading events: pages that don't shift, filters that find exactly theirs, cursors that can't be made up.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptEvents } from '../../../src/core/ledger/accept.ts';
import type { EventFilter } from '../../../src/core/ledger/candidates.ts';
import { readCursor, writeCursor } from '../../../src/core/ledger/cursor.ts';
import { eventHistory, getEvent, listEvents } from '../../../src/core/ledger/events.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';

async function setup(count: number): Promise<TestDatabase & { ids: string[] }> {
  const database = await createDatabase();
  const events = Array.from({ length: count }, (_, index) => ({
    type: index % 2 ? 'odd' : 'even',
    payload: { index, text: `Text ${index} 100%` },
    key: `key-${index}`,
    group: `g${index % 3}`,
    source: 'test',
  }));
  const outcomes = await acceptEvents(database.pool, events);
  return { ...database, ids: outcomes.map(({ id }) => id) };
}
async function keysOf({ pool }: TestDatabase, filter: EventFilter, limit = 100): Promise<string[]> {
  return (await listEvents(pool, filter, limit, undefined)).rows.map(({ key }) => key);
}

describe('a list of events', () => {
  it('pages through everything once, newest first, while new events arrive', async () => {
    const database = await setup(25);
    const seen: string[] = [];
    let before: string | undefined;
    for (let more = true; more; ) {
      const page = await listEvents(database.pool, {}, 4, before);
      seen.push(...page.rows.map(({ id }) => id));
      before = page.rows.at(-1)?.id;
      more = page.more;
      await acceptEvents(database.pool, [{ type: 'new', payload: 1, source: 'test' }]);
    }
    expect(seen).toEqual(database.ids.toReversed());
  });

  it('filters by each of its fields, and by several', async () => {
    const database = await setup(6);
    await database.pool.query(
      `update tem.event set state = 'EXTINCT', due_at = null, last_error = 'Boom_1' where key = 'key-1'`,
    );
    const of = (filter: EventFilter) => keysOf(database, filter);
    expect(await of({ type: 'odd' })).toEqual(['key-5', 'key-3', 'key-1']);
    expect(await of({ group: 'g0' })).toEqual(['key-3', 'key-0']);
    expect(await of({ key: 'key-4' })).toEqual(['key-4']);
    expect(await of({ key: 'key-4', type: 'odd' })).toEqual([]);
    expect(await of({ states: ['EXTINCT'] })).toEqual(['key-1']);
    expect(await of({ states: ['EXTINCT', 'QUEUED'], type: 'odd', group: 'g2' })).toEqual(['key-5']);
    expect(await of({ q: 'boom_' })).toEqual(['key-1']);
    expect(await of({ q: 'TEXT 3 100%' })).toEqual(['key-3']);
    expect(await of({ q: 'ey-2' })).toEqual(['key-2']);
    expect(await of({ q: database.ids[5]?.slice(-12) as string })).toEqual(['key-5']);
    expect(await of({ q: '%' })).toHaveLength(6);
    expect(await of({ q: '\\' })).toEqual([]);
    expect(await of({ q: '_1' })).toEqual(['key-1']);
  });

  it('filters by time, to the millisecond', async () => {
    const database = await setup(3);
    const times = ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.001Z', '2026-01-01T00:00:00.002Z'];
    for (const [index, time] of times.entries()) {
      // An id of its time, as it would have been made then.
      const id =
        `${Date.parse(time).toString(16).padStart(12, '0')}`.replace(/^(.{8})(.{4})$/, '$1-$2-7000-8000-00000000000') +
        index;
      await database.pool.query('update tem.event set created_at = $2, id = $3 where id = $1', [
        database.ids[index],
        time,
        id,
      ]);
    }
    const at = (index: number) => new Date(times[index] as string);
    expect(await keysOf(database, { from: at(1) })).toEqual(['key-2', 'key-1']);
    expect(await keysOf(database, { to: at(1) })).toEqual(['key-0']);
    expect(await keysOf(database, { from: at(1), to: at(2) })).toEqual(['key-1']);
  });
});

describe('the history of an event', () => {
  it('begins with null -> QUEUED and goes on in order', async () => {
    const { pool, ids } = await setup(1);
    const id = ids[0] as string;
    await pool.query(
      `insert into tem.transition (event_id, version, at, from_state, to_state, attempt, error, actor) values
        ($1, 3, now(), 'PROCESSING', 'FAILED', 1, 'boom', 'worker w'), ($1, 2, now(), 'QUEUED', 'PROCESSING', 1, null, 'worker w')`,
      [id],
    );
    const history = await eventHistory(pool, id);
    expect(history?.map(({ from, to, attempt, error, actor }) => [from, to, attempt, error, actor])).toEqual([
      [null, 'QUEUED', null, null, 'test'],
      ['QUEUED', 'PROCESSING', 1, null, 'worker w'],
      ['PROCESSING', 'FAILED', 1, 'boom', 'worker w'],
    ]);
    const event = await getEvent(pool, id);
    expect(history?.[0]?.at).toBe(event?.created_at.toISOString());
  });

  it('is undefined for an event that is not there', async () => {
    const { pool } = await setup(0);
    expect(await eventHistory(pool, '01900000-0000-7000-8000-000000000000')).toBeUndefined();
  });
});

describe('a cursor', () => {
  it('comes back as the id that it was made of', () => {
    fc.assert(fc.property(fc.uuid(), (id) => readCursor(writeCursor(id)) === id));
  });

  it('is refused when it was made up or changed', () => {
    fc.assert(fc.property(fc.string(), (text) => readCursor(text) === undefined));
    fc.assert(
      fc.property(fc.uuid(), fc.nat({ max: 23 }), (id, place) => {
        const cursor = writeCursor(id);
        const changed = `${cursor.slice(0, place)}${cursor[place] === 'A' ? 'B' : 'A'}${cursor.slice(place + 1)}`;
        const read = readCursor(changed);
        expect(read === undefined || read !== id).toBe(true);
      }),
    );
  });
});
