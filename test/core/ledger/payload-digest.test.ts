// What is left of a payload after its retention: a repeat is known again exactly when it is equal as jsonb (rule 17).

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AcceptInput, acceptEvents } from '../../../src/core/ledger/accept.ts';
import { prune } from '../../../src/core/ledger/prune.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';

const DAY_MS = 24 * 3_600_000;
const RETENTION = { retentionMs: 30 * DAY_MS, keyRetentionMs: 90 * DAY_MS };

/** An event with the key `k` that is over its retention; resolves to its id. */
async function pruned({ pool }: TestDatabase, payload: string): Promise<string> {
  const { rows } = await pool.query(
    `insert into tem.event (type, key, payload, state, due_at, updated_at)
     values ('note', 'k', $1, 'PROCESSED', null, now() - interval '31 days') returning id`,
    [payload],
  );
  await prune(pool, RETENTION);
  expect((await pool.query('select pruned from tem.event')).rows).toEqual([{ pruned: true }]);
  return rows[0].id;
}

test.each([
  ['{"n": 1.0}', '{"n": 1}'],
  ['{"n": 1}', '{"n": 1.000}'],
  ['[0.0, -1.50, 1e2, 10, 0.050]', '[0, -1.5, 100.00, 10.0, 0.05]'],
  ['{"1.0": "1.0 \\" 2.50", "b": [2.50]}', '{"b": [2.5], "1.0": "1.0 \\" 2.50"}'],
  ['{"s": "\\\\", "n": 3.0}', '{"n": 3, "s": "\\\\"}'],
])('%s is known again as %s after its retention, by SQL and by HTTP alike', async (kept, repeat) => {
  const database = await createDatabase();
  const { pool } = database;
  const equal = 'select $1::jsonb = $2::jsonb as equal';
  expect((await pool.query(equal, [kept, repeat])).rows).toEqual([{ equal: true }]);
  const id = await pruned(database, kept);
  const { rows } = await pool.query(`select tem.enqueue('note', $1, 'k') as id`, [repeat]);
  expect(rows).toEqual([{ id }]);
  const again: AcceptInput = { type: 'note', key: 'k', payload: JSON.parse(repeat), source: 'test' };
  expect(await acceptEvents(pool, [again])).toEqual([{ status: 'duplicate', id }]);
});

test.each([
  ['{"s": "1.0"}', '{"s": "1"}'],
  ['{"s": "a\\"1.0"}', '{"s": "a\\"1"}'],
  ['[1.05]', '[1.5]'],
  ['[10]', '[1]'],
  ['{"a": 1.0}', '{"b": 1.0}'],
])('%s is not taken for %s after its retention', async (kept, other) => {
  const database = await createDatabase();
  await pruned(database, kept);
  await expect(database.pool.query(`select tem.enqueue('note', $1, 'k')`, [other])).rejects.toMatchObject({
    code: 'TM409',
  });
});

test('payloads have one digest exactly when they are equal', async () => {
  const { pool } = await createDatabase();
  await fc.assert(
    fc.asyncProperty(
      fc
        .tuple(fc.jsonValue(), fc.jsonValue(), fc.integer({ min: 1, max: 3 }))
        .filter((values) => !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(values))),
      async ([one, two, count]) => {
        const texts = [JSON.stringify({ v: one }), withZeros({ v: one }, count), JSON.stringify({ v: two })];
        const { rows } = await pool.query(
          `select a::jsonb = b::jsonb as equal, tem.payload_digest(a::jsonb) = tem.payload_digest(b::jsonb) as same
             from unnest($1::text[]) a, unnest($1::text[]) b`,
          [texts],
        );
        for (const { equal, same } of rows) expect(same).toBe(equal);
      },
    ),
    { numRuns: 60 },
  );
});

/** JSON whose numbers are the same and have further zeros. */
function withZeros(value: unknown, count: number): string {
  if (Array.isArray(value)) return `[${value.map((each) => withZeros(each, count)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}:${withZeros(each, count)}`)}}`;
  }
  const text = JSON.stringify(value);
  if (typeof value !== 'number' || text.includes('e')) return text;
  return `${text}${text.includes('.') ? '' : '.'}${'0'.repeat(count)}`;
}
