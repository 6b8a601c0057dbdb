// tem.enqueue: as strict as HTTP, inside the caller's transaction, and with no right but its own.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fc from 'fast-check';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AcceptInput, acceptEvents } from '../../../src/core/ledger/accept.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const event = (key: string, payload: unknown): AcceptInput => ({ type: 'note', payload, source: 'test', key });
const count = async ({ pool }: TestDatabase): Promise<number> =>
  (await pool.query('select count(*)::int as n from tem.event')).rows[0].n;

describe('tem.enqueue', () => {
  const enqueue = async ({ pool }: Pick<TestDatabase, 'pool'>, ...values: unknown[]): Promise<string> => {
    const places = ['$1', '$2::jsonb', 'key => $3', 'priority => $4', '"group" => $5', 'run_at => $6'].slice(
      0,
      values.length,
    );
    return (await pool.query(`select tem.enqueue(${places.join(', ')}) as id`, values)).rows[0].id;
  };

  it('is not got around with a time that no relay could reckon with', async () => {
    const { pool } = await createDatabase();
    const insert = `insert into tem.event (type, key, payload, run_at, due_at) values ('note', 'k', '1', 'infinity', now())`;
    await expect(pool.query(insert)).rejects.toMatchObject({ code: '23514' });
    await expect(pool.query(insert.replace(`'infinity', now()`, `now(), 'infinity'`))).rejects.toMatchObject({
      code: '23514',
    });
  });

  it('is as strict about duplicates as HTTP is', async () => {
    const { pool } = await createDatabase();
    const [accepted] = await acceptEvents(pool, [event('k', { a: 1, b: 2 })]);
    expect(await enqueue({ pool }, 'note', '{"b":2,"a":1.0}', 'k')).toBe(accepted?.id);
    await expect(enqueue({ pool }, 'note', '{"a":1}', 'k')).rejects.toMatchObject({
      code: 'TM409',
      detail: `event ${accepted?.id}`,
    });
    const id = await enqueue({ pool }, 'note', '{"x":1}', 'by-sql');
    expect(id).toMatch(UUID_V7);
    expect(await acceptEvents(pool, [event('by-sql', { x: 1 }), event('by-sql', { x: 2 })])).toMatchObject([
      { status: 'duplicate', id },
      { status: 'conflict', id },
    ]);
  });

  it.each([
    ['a missing type', [null, '1']],
    ['a time in the year 10000', ['note', '1', null, 3, null, '9999-12-31T23:59:59-12:00']],
    ['a time before 1970', ['note', '1', null, 3, null, '1969-12-31T23:59:59Z']],
    ['a type with a space', ['a b', '1']],
    ['a type of 129 characters', ['a'.repeat(129), '1']],
    ['a missing payload', ['note', null]],
    ['an empty key', ['note', '1', '']],
    ['a key of 513 bytes', ['note', '1', `${'ü'.repeat(256)}x`]],
    ['a key with a line feed', ['note', '1', 'a\nb']],
    ['a key with a C1 control character', ['note', '1', 'a\u0085b']],
    ['priority 0', ['note', '1', null, 0]],
    ['priority 6', ['note', '1', null, 6]],
    ['a group of 513 bytes', ['note', '1', null, 3, 'x'.repeat(513)]],
    ['an infinite time', ['note', '1', null, 3, null, 'infinity']],
    ['a number beyond a double', ['note', '{"a":[1e400]}']],
    ['a number with too many digits', ['note', '12345678901234567890']],
    ['a fraction with too many digits', ['note', '{"a":0.1234567890123456789012}']],
  ])('refuses %s with TM400 and keeps nothing', async (_what, values) => {
    const database = await createDatabase();
    await expect(enqueue(database, ...values)).rejects.toMatchObject({ code: 'TM400' });
    expect(await count(database)).toBe(0);
  });

  it('takes numbers that a double keeps, and digits in strings', async () => {
    const database = await createDatabase();
    await enqueue(
      database,
      'note',
      '{"a":[0.1, 1.10, 123456789.123456, -9007199254740991, 1e300], "b":"12345678901234567890"}',
      'ü'.repeat(256),
    );
    expect(await count(database)).toBe(1);
  });

  it('refuses the same of calls with a group or a key, which a statement of its own takes', async () => {
    const database = await createDatabase();
    for (const rest of [['k'], [null, 3, 'g'], [null, 3, null, '2100-01-01']]) {
      for (const [type, payload] of [
        ['a b', '1'],
        ['note', null],
        ['note', '[0.1234567890123456789012]'],
      ]) {
        await expect(enqueue(database, type, payload, ...rest)).rejects.toMatchObject({ code: 'TM400' });
      }
      await enqueue(database, 'note', '[19.99, 1e20]', ...rest);
    }
    const { rows } = await database.pool.query(
      'select key = id::text as own, "group", due_at > now() as later from tem.event',
    );
    expect(rows).toEqual([
      { own: false, group: '', later: false },
      { own: true, group: 'g', later: false },
      { own: true, group: '', later: true },
    ]);
  });

  it('takes no number without a closer look that a double does not keep', async () => {
    const { pool } = await createDatabase();
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 20 });
    const number = fc
      .tuple(fc.constantFrom('', '-'), digits, fc.option(digits), fc.option(fc.integer({ min: -330, max: 330 })))
      .map(([sign, whole, part, exponent]) => {
        const mantissa = `${sign}${whole.replace(/^0+(?=\d)/, '')}${part === null ? '' : `.${part}`}`;
        return exponent === null ? mantissa : `${mantissa}e${exponent}`;
      });
    const numbers = fc.sample(number, { numRuns: 20_000, seed: 4 });
    const { rows } = await pool.query<{ n: string; quick: boolean; kept: boolean }>(
      `select n, tem.acceptable('note', n::jsonb, 3) as quick, tem.numbers_survive(n::jsonb) as kept
        from unnest($1::text[]) as given(n)`,
      [
        [
          ...numbers,
          '9007199254740991',
          '9007199254740992',
          '9007199254740993',
          '-9007199254740993',
          '999999999.999999',
        ],
      ],
    );
    expect(rows.filter(({ quick, kept }) => quick && !kept)).toEqual([]);
    // Both answers were there to be had.
    expect(rows.filter(({ quick }) => quick).length).toBeGreaterThan(1_000);
    expect(rows.filter(({ kept }) => !kept).length).toBeGreaterThan(1_000);
  });

  it('means the same whatever the settings of its caller', async () => {
    const { pool } = await createDatabase();
    const client = await pool.connect();
    onTestFinished(() => client.release(true));
    await client.query('set standard_conforming_strings = off');
    await client.query('set extra_float_digits = -9');
    await client.query('set search_path = pg_temp');
    for (const key of ['null', "'k'"]) {
      await client.query(`select tem.enqueue('note', '[0.1234567890123456, 0.1234567]', key => ${key})`);
      await expect(client.query(`select tem.enqueue('note', '9007199254740993', key => ${key})`)).rejects.toMatchObject(
        {
          code: 'TM400',
        },
      );
    }
    await expect(client.query(`select tem.enqueue('note', '1', key => E'a\\u0085b')`)).rejects.toMatchObject({
      code: 'TM400',
    });
  });

  it('needs only usage of the schema and execute on it', async () => {
    const database = await createDatabase();
    const role = `app_${randomUUID().slice(0, 8)}`;
    await database.pool.query(`create role ${role} login password 'app'`);
    onTestFinished(async () => {
      await database.pool.query(`drop owned by ${role}`);
      await database.pool.query(`drop role ${role}`);
    });
    const url = new URL(database.databaseUrl);
    url.username = role;
    url.password = 'app';
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    onTestFinished(() => client.end());
    await expect(client.query(`select tem.enqueue('note', '1')`)).rejects.toMatchObject({ code: '42501' });

    await database.pool.query(`grant usage on schema tem to ${role}`);
    await expect(client.query(`select tem.enqueue('note', '1')`)).rejects.toMatchObject({ code: '42501' });

    await database.pool.query(`grant execute on function tem.enqueue to ${role}`);
    await database.pool.query(`select setval('tem.bell', $1)`, [(Date.now() + 3_600_000) * 1_000]);
    await client.query('listen tem_due');
    const rung = once(client, 'notification');
    const { rows } = await client.query(`select tem.enqueue('note', '{"a":1}', key => 'k') as id`);
    expect(rows[0].id).toMatch(UUID_V7);
    await rung;
    for (const statement of [
      'select * from tem.event',
      `insert into tem.event (type, key, payload) values ('a', 'b', '1')`,
    ]) {
      await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('commits and rolls back with its caller, also under a savepoint', async () => {
    const database = await createDatabase();
    const client = await database.pool.connect();
    await client.query('begin');
    await client.query(`select tem.enqueue('note', '1', key => 'kept')`);
    await client.query('savepoint here');
    await client.query(`select tem.enqueue('note', '1', key => 'dropped')`);
    await client.query('rollback to savepoint here');
    await client.query('commit');
    client.release();
    const { rows } = await database.pool.query('select key from tem.event');
    expect(rows).toEqual([{ key: 'kept' }]);
  });

  it('waits for another transaction with the key, then answers with its event', async () => {
    const { pool } = await createDatabase();
    const first = await pool.connect();
    await first.query('begin');
    const { rows } = await first.query(`select tem.enqueue('note', '1', key => 'k') as id`);
    const second = enqueue({ pool }, 'note', '1', 'k');
    await waitFor(
      async () => (await pool.query(`select from pg_locks where not granted and locktype = 'transactionid'`)).rowCount,
    );
    await first.query('commit');
    first.release();
    expect(await second).toBe(rows[0].id);
  });
});
