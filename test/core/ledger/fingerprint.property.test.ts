// What errors have in common: the rule by which failures are grouped.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDatabase } from '../../support/database.ts';

const { pool } = await createDatabase();

async function fingerprints(errors: string[]): Promise<{ fingerprint: string; pattern: string }[]> {
  const { rows } = await pool.query(
    `select tem.fingerprint(error) as fingerprint, tem.failure_pattern(error) as pattern
       from unnest($1::text[]) with ordinality as e(error, n) order by n`,
    [errors],
  );
  return rows;
}

test.each([
  ['order 123 is gone', 'order 98 is gone'],
  ['order A-123/b is gone', 'order A-9/b is gone'],
  ['no event 01890a5d-ac96-774b-bcce-b302099a8057 here', 'no event 01990a5d-ac96-774b-bcce-b302099a8058 here'],
  ['connect ECONNREFUSED 10.0.0.1:5432', 'connect ECONNREFUSED 127.0.0.1:80'],
  ['connect ECONNREFUSED ::1:80', 'connect ECONNREFUSED fe80::12:ab'],
  ['GET https://a.example/x?id=1 failed', 'GET http://b.example failed'],
  ['no such user "Ann"', 'no such user "Bob O\'Hara"'],
  ["column 'a b' isn't there", "column 'c' isn't there"],
  ['mail to ann@a.example bounced', 'mail to bob.c+d@b.example bounced'],
  ['took 1,234.5 ms', 'took -7 ms'],
  ['late since 2026-01-31T09:30:00.000Z', 'late since 2026-02-01T10:31:01.002Z'],
  ['hash 9f86d081884c7d65', 'hash 1b4f0e9851971998'],
  ['boom\n  at one', 'boom\n  at another'],
  ['a   b', 'a b'],
])('%j and %j are one failure', async (one, other) => {
  const [a, b] = await fingerprints([one, other]);
  expect(a).toEqual(b);
  expect(a?.pattern).not.toBe('');
});

test.each([
  ['HTTP 503', 'HTTP 404'],
  ['the target answered 503: try later', 'the target answered 410: try later'],
  ['order is gone', 'order is late'],
  ['Foo::Bar is gone', 'Foo::Baz is gone'],
])('%j and %j are two', async (one, other) => {
  const [a, b] = await fingerprints([one, other]);
  expect(a?.fingerprint).not.toBe(b?.fingerprint);
});

const word = fc.stringMatching(/^[a-z]{1,8}$/);
const value = fc.oneof(
  fc.uuid(),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number.toFixed(3)),
  fc.ipV4(),
  fc.ipV6().filter((address) => /\d/.test(address)),
  fc.stringMatching(/^"[^"\n]{0,20}"$/),
  fc.stringMatching(/^[a-z]{1,5}-?[0-9]{1,12}$/),
  fc.webUrl(),
  fc.stringMatching(/^[a-z0-9.+-]{0,9}[a-z0-9]@[a-z]{1,8}\.[a-z]{2,3}$/),
);

test('what differs in values alone is one failure, what differs in a word is not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 6 }), value, value, word, async (words, a, b, other) => {
      const text = (inner: string) => `${words.join(' ')} ${inner} failed`;
      const [first, second, third] = await fingerprints([text(a), text(b), text(other)]);
      expect(first, `${a} and ${b}`).toEqual(second);
      expect(third?.fingerprint).not.toBe(first?.fingerprint);
    }),
    { numRuns: 300 },
  );
});

test('any text has a short pattern that is a pattern of itself, in a short time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 3_000 }), async (text) => {
      const [one] = await fingerprints([text.replaceAll('\0', '').toWellFormed()]);
      expect(one?.fingerprint).toMatch(/^[0-9a-f]{16}$/);
      expect([...(one?.pattern ?? '')].length).toBeLessThanOrEqual(300);
    }),
    { numRuns: 200 },
  );
  const hostile = [':'.repeat(8_000), '1-'.repeat(4_000), `${'"'.repeat(8_000)}`, `${'a.'.repeat(4_000)}@`];
  const startedAt = performance.now();
  await fingerprints(hostile);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test('an event that fails takes the fingerprint of its error, and no other event has one', async () => {
  await pool.query(
    `insert into tem.event (type, key, payload) select 'note', n::text, '1' from generate_series(1, 3) n`,
  );
  await pool.query(
    `update tem.event set state = 'EXTINCT', due_at = null, last_error = 'order 17 is gone' where key = '1'`,
  );
  await pool.query(`update tem.event set state = 'PROCESSED', due_at = null, last_error = 'once' where key = '2'`);
  const { rows } = await pool.query(
    `select fingerprint = tem.fingerprint('order 5 is gone') as taken from tem.event order by key`,
  );
  expect(rows).toEqual([{ taken: true }, { taken: null }, { taken: null }]);
});
