// What a page of a list reads: about what it may show, whichever filter or pair of filters, wherever what matches lies, and
// also when nothing does. By rows that are read, which doesn't depend on the machine.

import { expect, onTestFinished, test } from 'vitest';
import type { EventFilter } from '../../../src/core/ledger/candidates.ts';
import { listEvents } from '../../../src/core/ledger/events.ts';
import { createPool } from '../../../src/core/ledger/pool.ts';
import { createDatabase } from '../../support/database.ts';
import { rowsReadBy } from '../../support/reads.ts';

const EVENTS = 20_000;
const LIMIT = 10;
/** Twelve pairs of a type and a state, each with a page of its own, and the rows of the page itself. */
const READ_MAX = 300;
const HOUR_MS = 3_600_000;

async function setup() {
  const { databaseUrl, pool } = await createDatabase();
  // An event in each hour; the oldest are of a type of their own, and one state is rare.
  await pool.query(
    `insert into tem.event (id, type, key, "group", payload, state, due_at, created_at)
     select tem.uuid_v7(), case when n <= 20 then 'old' else 'note' end, 'key ' || n, case when n % 2 = 0 then 'big' else 'g' || n end,
       '{}', case when n in (1, 500) then 'EXTINCT' else 'PROCESSED' end, null, now() - ($1 - n) * interval '1 h'
     from generate_series(1, $1::int) n`,
    [EVENTS],
  );
  await pool.query('vacuum analyze tem.event');
  const session = createPool(databaseUrl, { max: 1, applicationName: 'tem test' });
  onTestFinished(() => session.end());
  return {
    list: async (filter: EventFilter, before?: string) => (await listEvents(pool, filter, LIMIT, before)).rows,
    read: (filter: EventFilter, before?: string) =>
      rowsReadBy(session, () => listEvents(session, filter, LIMIT, before)),
  };
}

const longAgo = new Date(Date.now() - (EVENTS - 10.5) * HOUR_MS);
const before = new Date(0);
const later = new Date(Date.now() + HOUR_MS);
const middle = new Date(Date.now() - 9_000.5 * HOUR_MS);
const hourAfter = new Date(middle.getTime() + HOUR_MS);

test('no filter and no pair of filters reads much more than a page shows, and each finds what there is', async () => {
  const { list, read } = await setup();
  const cases: [EventFilter, found: number][] = [
    [{}, LIMIT],
    [{ type: 'note' }, LIMIT],
    [{ type: 'old' }, LIMIT],
    [{ type: 'none' }, 0],
    [{ states: ['PROCESSED'] }, LIMIT],
    [{ states: ['EXTINCT'] }, 2],
    [{ states: ['FAILED', 'CANCELLED'] }, 0],
    [{ type: 'note', states: ['EXTINCT'] }, 1],
    [{ type: 'note', states: ['FAILED'] }, 0],
    [{ group: 'big' }, LIMIT],
    [{ group: 'g19999' }, 1],
    [{ group: 'none' }, 0],
    [{ group: 'big', states: ['EXTINCT'] }, 1],
    [{ group: 'big', states: ['QUEUED'] }, 0],
    [{ group: 'big', type: 'old' }, LIMIT],
    [{ group: 'big', type: 'none' }, 0],
    [{ group: 'big', type: 'note', states: ['EXTINCT'], to: longAgo }, 0],
    [{ key: 'key 7' }, 1],
    [{ key: 'key 7', type: 'note' }, 0],
    [{ key: 'none' }, 0],
    [{ to: longAgo }, LIMIT],
    [{ from: later }, 0],
    [{ to: before }, 0],
    [{ from: middle, to: hourAfter }, 1],
    [{ from: middle, to: middle }, 0],
    [{ from: middle, to: hourAfter, type: 'note', states: ['PROCESSED'] }, 1],
    [{ from: middle, to: hourAfter, states: ['EXTINCT'] }, 0],
    [{ group: 'big', from: middle, to: hourAfter, states: ['EXTINCT'] }, 0],
  ];
  const seen: [EventFilter, number][] = [];
  const tooMuch: [EventFilter, number][] = [];
  for (const [filter] of cases) {
    seen.push([filter, (await list(filter)).length]);
    const rows = await read(filter);
    if (rows > READ_MAX) tooMuch.push([filter, rows]);
  }
  expect(seen).toEqual(cases);
  expect(tooMuch).toEqual([]);
});

test('a page far down reads as little as the first, also below a time', async () => {
  const { list, read } = await setup();
  const [last] = (await list({ type: 'old' })).slice(-1);
  for (const filter of [{}, { to: later }, { group: 'big' }, { states: ['PROCESSED'], to: later }]) {
    expect(await read(filter, last?.id)).toBeLessThan(READ_MAX);
    expect((await list(filter, last?.id)).every(({ created_at }) => created_at < longAgo)).toBe(true);
  }
});
